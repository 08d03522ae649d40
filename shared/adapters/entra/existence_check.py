"""Existence check: asks Graph about each person who is about to be deactivated, in batches.

Absence is concluded only from a clear answer about that very person.
"""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from shared.adapters.entra.batches import Batches, proves_absence
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.decoding import decode
from shared.adapters.entra.schema import BatchAnswer, GraphUser, Membership, UserPage
from shared.domain.connections.entra.guid import is_guid
from shared.domain.directory import Existence, Source
from shared.domain.ids import ObjectId
from shared.errors import Transient

#: Maximum number of groups in one checkMemberGroups request.
#: Source: https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups
_GROUPS: Final = 20


class _Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request within a batch: the person, and whether it concerns the account or a membership."""

    person: ObjectId
    membership: bool
    direct: bool
    request: dict[str, Any]


class ExistenceCheck:
    """Checks people through one GraphClient."""

    def __init__(self, client: GraphClient) -> None:
        self._batches = Batches(client)

    async def check(self, people: Sequence[ObjectId], groups: Sequence[Source]) -> Mapping[ObjectId, Existence]:
        """Return the existence of people; UNKNOWN if Graph did not give conclusive evidence.

        Raises:
            NeedsAttention: Graph refuses the connection.
            Transient: Graph answers nothing, or throttles some of the requests on every attempt.

        """
        # an id that cannot be one of Entra ID's is not asked about: no answer would be evidence
        verifiable = [person for person in people if is_guid(person)] if all(map(_is_possible, groups)) else []
        questions = [question for person in verifiable for question in _questions(person, groups)]
        answers = await self._batches.answers([question.request for question in questions])
        answered: dict[ObjectId, list[tuple[_Question, BatchAnswer | None]]] = {person: [] for person in verifiable}
        for number, question in enumerate(questions):
            answered[question.person].append((question, answers.get(number)))
        unknown = dict.fromkeys(people, Existence.UNKNOWN)
        return unknown | {person: _conclude(person, evidence) for person, evidence in answered.items()}


def _is_possible(source: Source) -> bool:
    return source.group is None or is_guid(source.group)


def _questions(person: ObjectId, groups: Sequence[Source]) -> Iterator[_Question]:
    url = f"/users/{person}?$select=id,accountEnabled,userType,userPrincipalName"
    yield _Question(person=person, membership=False, direct=False, request={"method": "GET", "url": url})
    transitive = [group.group for group in groups if group.transitive]
    for start in range(0, len(transitive), _GROUPS):
        request = {
            "method": "POST",
            "url": f"/users/{person}/checkMemberGroups",
            "headers": {"Content-Type": "application/json"},
            "body": {"groupIds": transitive[start : start + _GROUPS]},
        }
        yield _Question(person=person, membership=True, direct=False, request=request)
    for group in groups:
        if not group.transitive:
            only = f"$filter=id%20eq%20'{person}'&$count=true&$select=id"
            url = f"/groups/{group.group}/members/microsoft.graph.user?{only}"
            request = {"method": "GET", "url": url, "headers": {"ConsistencyLevel": "eventual"}}
            yield _Question(person=person, membership=True, direct=True, request=request)


def _conclude(person: ObjectId, evidence: Sequence[tuple[_Question, BatchAnswer | None]]) -> Existence:
    account = next(answer for question, answer in evidence if not question.membership)
    try:
        user = _account(person, account)
        memberships = [_is_member(question, answer) for question, answer in evidence if question.membership]
    except Transient:
        return Existence.UNKNOWN
    if isinstance(user, Existence):
        return user
    if memberships and not any(memberships):
        return Existence.UNKNOWN if None in memberships else Existence.NOT_IN_SOURCE
    return Existence.GUEST if user.user_type == "Guest" else Existence.FOUND


def _account(person: ObjectId, answer: BatchAnswer | None) -> GraphUser | Existence:
    """Return an enabled account, or what the answer proves. Raises Transient for an unreadable answer."""
    if answer is not None and proves_absence(answer):
        return Existence.NOT_FOUND
    if answer is None or answer.status != HTTPStatus.OK:
        return Existence.UNKNOWN
    user = decode(bytes(answer.body), GraphUser)
    # without permission everything but the id is null; such an answer proves nothing about the person
    if user.id.lower() != person or not user.user_principal_name or not isinstance(user.account_enabled, bool):
        return Existence.UNKNOWN
    return user if user.account_enabled else Existence.DISABLED


def _is_member(question: _Question, answer: BatchAnswer | None) -> bool | None:
    """Return whether the person is a member, None if unknown. Raises Transient for an unreadable answer."""
    if answer is None or answer.status != HTTPStatus.OK:
        return None
    if question.direct:
        page = decode(bytes(answer.body), UserPage)
        if any(user.id == question.person for user in page.value):
            return True
        return None if page.value or page.next_link else False  # an empty page with a link is not the end
    membership = decode(bytes(answer.body), Membership)
    return None if membership.next_link and not membership.value else bool(membership.value)
