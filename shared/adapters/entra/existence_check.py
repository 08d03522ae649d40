"""Existence check: asks Graph about each person who is about to be deactivated, in batches.

Absence is concluded only from a clear answer about that very person. A batch without an answer is halved until the
part that prevents one is isolated, so that it does not keep the other people from being checked.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from shared.adapters.entra import json_batch
from shared.adapters.entra.client import GraphClient
from shared.adapters.entra.errors import Refused
from shared.adapters.entra.schema import BatchAnswer, Failure, GraphUser, Membership, UserPage, decode
from shared.adapters.entra.throttle import REFUSALS
from shared.domain.connections.entra.guid import is_guid
from shared.domain.directory import Existence, Source
from shared.domain.ids import ObjectId
from shared.domain.retry_policy import EXISTENCE_CHECK
from shared.errors import LoginRefused, SyncError, Transient

#: Maximum number of groups in one checkMemberGroups request.
#: Source: https://learn.microsoft.com/graph/api/directoryobject-checkmembergroups
_GROUPS: Final = 20
#: Maximum number of concurrent batches.
_CONCURRENT: Final = 4
#: Maximum number of batches without an answer in one check. Isolating one part of twenty takes five of them.
_MAX_UNANSWERED: Final = 24
#: Statuses that refuse the connection as a whole, whatever a batch contains.
_DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
#: Error codes of Graph for a user who does not exist. Any other 404, such as a gateway's, proves nothing.
_NO_SUCH_USER: Final = frozenset({"Request_ResourceNotFound", "Directory_ObjectNotFound"})


class _Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request within a batch: the person, and whether it concerns the account or a membership."""

    person: ObjectId
    membership: bool
    direct: bool
    request: dict[str, Any]


class ExistenceCheck:
    """Checks people through one GraphClient."""

    def __init__(self, client: GraphClient) -> None:
        self._client = client

    async def check(self, people: Sequence[ObjectId], groups: Sequence[Source]) -> Mapping[ObjectId, Existence]:
        """Return the existence of people; UNKNOWN if Graph did not give conclusive evidence.

        Raises:
            NeedsAttention: Graph refuses the connection.
            Transient: Graph answers nothing, or throttles some of the requests on every attempt.

        """
        # an id that cannot be one of Entra ID's is not asked about: no answer would be evidence
        verifiable = [person for person in people if is_guid(person)] if all(map(_is_possible, groups)) else []
        questions = [question for person in verifiable for question in _questions(person, groups)]
        answers: dict[int, BatchAnswer] = {}
        unanswered: list[SyncError] = []
        open_ = list(range(len(questions)))
        for round_ in range(EXISTENCE_CHECK.retries + 1):
            if round_ and not self._client.throttle.left_s:
                await asyncio.sleep(EXISTENCE_CHECK.first_wait_s)
            answers.update(await self._ask_all(questions, open_, unanswered))
            if unanswered and not answers:
                raise unanswered[0]
            open_ = [number for number in open_ if number not in answers or _worth_asking_again(answers[number])]
            if not open_:
                break
        if any(number in answers and answers[number].status == HTTPStatus.TOO_MANY_REQUESTS for number in open_):
            raise Transient(
                "Microsoft Graph limits our requests: parts of a batch are refused each time.",
                code="throttled",
                retry_after_s=self._client.throttle.left_s,
            )
        answered: dict[ObjectId, list[tuple[_Question, BatchAnswer | None]]] = {person: [] for person in verifiable}
        for number, question in enumerate(questions):
            answered[question.person].append((question, answers.get(number)))
        unknown = dict.fromkeys(people, Existence.UNKNOWN)
        return unknown | {person: _conclude(person, evidence) for person, evidence in answered.items()}

    async def _ask_all(
        self, questions: Sequence[_Question], numbers: Sequence[int], unanswered: list[SyncError]
    ) -> dict[int, BatchAnswer]:
        """Return the answers to some questions. All requests have ended when it returns or raises.

        Errors of batches without an answer are appended to `unanswered`.
        """
        slots = asyncio.Semaphore(_CONCURRENT)
        chunks = [numbers[start : start + json_batch.MOST] for start in range(0, len(numbers), json_batch.MOST)]
        asking = (self._ask(slots, questions, chunk, unanswered) for chunk in chunks)
        answers: dict[int, BatchAnswer] = {}
        failed: list[BaseException] = []
        for result in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(result, BaseException):
                failed.append(result)
            else:
                answers.update(result)
        if failed:
            raise failed[0]
        return answers

    async def _ask(
        self,
        slots: asyncio.Semaphore,
        questions: Sequence[_Question],
        numbers: Sequence[int],
        unanswered: list[SyncError],
    ) -> dict[int, BatchAnswer]:
        """Return the answers to the questions of one batch, which is halved while it gets no answer."""
        requests = [{"id": str(number), **questions[number].request} for number in numbers]
        try:
            async with slots:
                answers = await json_batch.ask(self._client, requests)
        except SyncError as error:
            if _concerns_every_request(error):
                raise
            unanswered.append(error)
            if len(numbers) == 1 or len(unanswered) >= _MAX_UNANSWERED:
                return {}
            half = len(numbers) // 2
            first = await self._ask(slots, questions, numbers[:half], unanswered)
            return first | await self._ask(slots, questions, numbers[half:], unanswered)
        return {int(answer.id): answer for answer in answers if answer.id.isdecimal() and int(answer.id) in numbers}


def _concerns_every_request(error: SyncError) -> bool:
    """Return whether a smaller batch would fail as well: the connection is refused, or Graph asks to wait."""
    if isinstance(error, Refused):
        return error.status in _DENIED
    return isinstance(error, LoginRefused) or (isinstance(error, Transient) and error.retry_after_s is not None)


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


def _worth_asking_again(answer: BatchAnswer) -> bool:
    """Return whether a part failed only temporarily."""
    temporary = answer.status == HTTPStatus.REQUEST_TIMEOUT or answer.status in REFUSALS
    return temporary or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR


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
    if answer is not None and answer.status == HTTPStatus.NOT_FOUND:
        gone = decode(bytes(answer.body), Failure).error.code in _NO_SUCH_USER
        return Existence.NOT_FOUND if gone else Existence.UNKNOWN
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
