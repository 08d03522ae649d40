"""Point checks: is somebody who is about to be deactivated really gone? Asked in batches, believed only when clear."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from shared.adapters.entra import json_batch
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.schema import BatchAnswer, Failure, GraphUser, Membership, UserPage, decode
from shared.adapters.entra.throttle import REFUSALS
from shared.domain.directory import Presence, Source
from shared.domain.ids import ObjectId
from shared.errors import Transient

#: Groups in one checkMemberGroups. Source: https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups
_GROUPS: Final = 20
_CONCURRENT: Final = 4
#: How often requests that failed for now are sent within one check, and after what pause if no wait was told.
_ROUNDS: Final = 3
_PAUSE_S: Final = 1.0
#: What Graph says of a user who does not exist. Any other 404, such as a gateway's, proves nothing.
_NO_SUCH_USER: Final = frozenset({"Request_ResourceNotFound", "Directory_ObjectNotFound"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One request within a batch: about whom, and whether about an account or about membership."""

    person: ObjectId
    membership: bool
    direct: bool
    request: dict[str, Any]


async def check(
    client: GraphClient, people: Sequence[ObjectId], groups: Sequence[Source]
) -> Mapping[ObjectId, Presence]:
    """Return what is certain about each person; UNKNOWN where Graph gave no clear answer.

    Raises: Transient when it cannot be asked now, or for now refuses some of the questions each time.
    """
    questions = [question for person in people for question in _questions(person, groups)]
    answers: dict[int, BatchAnswer] = {}
    open_ = list(range(len(questions)))
    for round_ in range(_ROUNDS):
        if round_ and not client.throttle.left_s:
            await asyncio.sleep(_PAUSE_S)
        answers.update(await _ask_all(client, questions, open_))
        open_ = [number for number in open_ if number not in answers or _worth_asking_again(answers[number])]
        if not open_:
            break
    if any(number in answers and answers[number].status == HTTPStatus.TOO_MANY_REQUESTS for number in open_):
        raise Transient(
            "Microsoft Graph limits our requests: parts of a batch are refused each time.",
            code="throttled",
            retry_after_s=client.throttle.left_s,
        )
    told: dict[ObjectId, list[tuple[_Question, BatchAnswer | None]]] = {person: [] for person in people}
    for number, question in enumerate(questions):
        told[question.person].append((question, answers.get(number)))
    return {person: _conclude(person, each) for person, each in told.items()}


async def _ask_all(
    client: GraphClient, questions: Sequence[_Question], numbers: Sequence[int]
) -> dict[int, BatchAnswer]:
    """Return the answers to some questions. All requests have ended when it returns or raises."""
    slots = asyncio.Semaphore(_CONCURRENT)
    chunks = [numbers[start : start + json_batch.MOST] for start in range(0, len(numbers), json_batch.MOST)]
    asking = (_ask(client, slots, questions, chunk) for chunk in chunks)
    found: dict[int, BatchAnswer] = {}
    failed: list[BaseException] = []
    for result in await asyncio.gather(*asking, return_exceptions=True):
        if isinstance(result, BaseException):
            failed.append(result)
        else:
            found.update(result)
    if failed:
        raise failed[0]
    return found


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


async def _ask(
    client: GraphClient, slots: asyncio.Semaphore, questions: Sequence[_Question], numbers: Sequence[int]
) -> dict[int, BatchAnswer]:
    requests = [{"id": str(number), **questions[number].request} for number in numbers]
    async with slots:
        answers = await json_batch.ask(client, requests)
    return {int(each.id): each for each in answers if each.id.isdecimal() and int(each.id) in numbers}


def _worth_asking_again(answer: BatchAnswer) -> bool:
    """Tell whether a part failed for now only."""
    for_now = answer.status == HTTPStatus.REQUEST_TIMEOUT or answer.status in REFUSALS
    return for_now or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _conclude(person: ObjectId, told: Sequence[tuple[_Question, BatchAnswer | None]]) -> Presence:
    account = next(answer for question, answer in told if not question.membership)
    try:
        user = _account(person, account)
        memberships = [_is_member(question, answer) for question, answer in told if question.membership]
    except Transient:
        return Presence.UNKNOWN
    if isinstance(user, Presence):
        return user
    if memberships and not any(memberships):
        return Presence.UNKNOWN if None in memberships else Presence.NOT_IN_GROUPS
    return Presence.GUEST if user.user_type == "Guest" else Presence.PRESENT


def _account(person: ObjectId, answer: BatchAnswer | None) -> GraphUser | Presence:
    """Return an enabled account, or what its answer proves. Raises: Transient if it cannot be read."""
    if answer is not None and answer.status == HTTPStatus.NOT_FOUND:
        gone = decode(bytes(answer.body), Failure).error.code in _NO_SUCH_USER
        return Presence.NOT_FOUND if gone else Presence.UNKNOWN
    if answer is None or answer.status != HTTPStatus.OK:
        return Presence.UNKNOWN
    user = decode(bytes(answer.body), GraphUser)
    # without permission everything but the id is null; such an answer says nothing about the person
    if user.id.lower() != person or not user.user_principal_name or not isinstance(user.account_enabled, bool):
        return Presence.UNKNOWN
    return user if user.account_enabled else Presence.DISABLED


def _is_member(question: _Question, answer: BatchAnswer | None) -> bool | None:
    """Tell whether the answer says so; None if it says nothing. Raises: Transient if it cannot be read."""
    if answer is None or answer.status != HTTPStatus.OK:
        return None
    if question.direct:
        page = decode(bytes(answer.body), UserPage)
        if any(each.id == question.person for each in page.value):
            return True
        return None if page.value or page.next_link else False  # an empty page with a link is not the end
    return bool(decode(bytes(answer.body), Membership).value)
