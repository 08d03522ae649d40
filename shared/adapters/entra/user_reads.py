"""Reads users by id, each with a request of its own: a query may answer from an index that lags behind."""

from collections.abc import Sequence
from http import HTTPStatus

from shared.adapters.entra.batches import Batches, proves_absence
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.decoding import decode
from shared.adapters.entra.schema import SELECT, BatchAnswer, GraphUser
from shared.adapters.entra.user_mapping import user_of
from shared.domain.connections.entra.guid import is_guid
from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId
from shared.errors import NeedsAttention, Transient


async def users_by_id(client: GraphClient, people: Sequence[ObjectId]) -> dict[ObjectId, DirectoryUser | None]:
    """Return the users with these ids, None for a user who does not exist, and nothing without a clear answer.

    Raises:
        NeedsAttention: Graph refuses the connection.
        Transient: Graph answers nothing, or throttles some of the requests on every attempt.
    """
    asked = list(filter(is_guid, people))
    answers = await Batches(client).answers(
        [{"method": "GET", "url": f"/users/{person}?$select={SELECT}"} for person in asked]
    )
    users: dict[ObjectId, DirectoryUser | None] = {}
    for number, answer in answers.items():
        person = asked[number]
        try:
            if proves_absence(answer):
                users[person] = None
            elif answer.status == HTTPStatus.OK:
                users[person] = _user(person, answer)
        except (Transient, NeedsAttention):
            continue  # an unreadable answer, or a user without a name, is not a clear answer
    return users


def _user(person: ObjectId, answer: BatchAnswer) -> DirectoryUser:
    """Return a user that was read. Raises Transient or NeedsAttention if the answer does not show it."""
    user = decode(bytes(answer.body), GraphUser)
    if user.id.lower() != person:
        raise Transient("Microsoft Graph answered about another user.", code="bad_answer")
    user.id = person
    return user_of(user)
