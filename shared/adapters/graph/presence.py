"""Point checks: is somebody who is about to be deactivated really gone? Asked in batches, believed only when clear."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec

from shared.adapters.graph import links
from shared.adapters.graph.client import GraphClient
from shared.adapters.graph.wire import BatchAnswer, BatchAnswers, GraphUser, Membership, UserPage, decode
from shared.domain.directory import Presence, Source
from shared.domain.ids import ObjectId
from shared.errors import Transient

#: Requests in one `$batch`. Source: https://learn.microsoft.com/graph/json-batching
_BATCH: Final = 20
#: Groups in one checkMemberGroups. Source: https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups
_GROUPS: Final = 20
_CONCURRENT: Final = 4
#: How often requests that were refused for now are sent within one check, and the longest wait before, in seconds.
_ROUNDS: Final = 3
_MAX_WAIT_S: Final = 10.0


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
    """Return what is certain about each person; UNKNOWN where Graph gave no clear answer."""
    questions = [question for person in people for question in _questions(person, groups)]
    answers: dict[int, BatchAnswer] = {}
    open_ = list(range(len(questions)))
    for round_ in range(_ROUNDS):
        if round_:
            await asyncio.sleep(_wait_s(answers[number] for number in open_ if number in answers))
        slots = asyncio.Semaphore(_CONCURRENT)
        chunks = [open_[start : start + _BATCH] for start in range(0, len(open_), _BATCH)]
        for found in await asyncio.gather(*(_ask(client, slots, questions, chunk) for chunk in chunks)):
            answers.update(found)
        open_ = [number for number in open_ if number not in answers or _refused_for_now(answers[number])]
        if not open_:
            break
    told: dict[ObjectId, list[tuple[_Question, BatchAnswer | None]]] = {person: [] for person in people}
    for number, question in enumerate(questions):
        told[question.person].append((question, answers.get(number)))
    return {person: _conclude(each) for person, each in told.items()}


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
            url = f"/groups/{group.group}/members/microsoft.graph.user?$filter=id eq '{person}'&$count=true&$select=id"
            request = {"method": "GET", "url": url, "headers": {"ConsistencyLevel": "eventual"}}
            yield _Question(person=person, membership=True, direct=True, request=request)


async def _ask(
    client: GraphClient, slots: asyncio.Semaphore, questions: Sequence[_Question], numbers: Sequence[int]
) -> dict[int, BatchAnswer]:
    requests = [{"id": str(number), **questions[number].request} for number in numbers]
    async with slots:
        content = await client.post(links.path(client.graph, "$batch"), msgspec.json.encode({"requests": requests}))
    responses = decode(content, BatchAnswers).responses
    return {int(each.id): each for each in responses if each.id.isdecimal() and int(each.id) in numbers}


def _refused_for_now(answer: BatchAnswer) -> bool:
    return answer.status in {408, 429} or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _wait_s(answers: Iterable[BatchAnswer]) -> float:
    asked = [each.headers.get("Retry-After", "1") for each in answers]
    return min(_MAX_WAIT_S, max([1.0, *(float(each) for each in asked if each.isdecimal())]))


def _conclude(told: Sequence[tuple[_Question, BatchAnswer | None]]) -> Presence:
    account = next(answer for question, answer in told if not question.membership)
    if account is None or account.status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        return Presence.UNKNOWN
    if account.status == HTTPStatus.NOT_FOUND:
        return Presence.NOT_FOUND
    try:
        user = decode(bytes(account.body), GraphUser)
        if user.account_enabled is False:
            return Presence.DISABLED
        memberships = [_is_member(question, answer) for question, answer in told if question.membership]
    except Transient:
        return Presence.UNKNOWN
    if memberships and not any(memberships):
        return Presence.UNKNOWN if None in memberships else Presence.NOT_IN_GROUPS
    return Presence.GUEST if user.user_type == "Guest" else Presence.PRESENT


def _is_member(question: _Question, answer: BatchAnswer | None) -> bool | None:
    """Tell whether the answer says so; None if it says nothing."""
    if answer is None or answer.status != HTTPStatus.OK:
        return None
    if question.direct:
        return bool(decode(bytes(answer.body), UserPage).value)
    return bool(decode(bytes(answer.body), Membership).value)
