"""One bad input, how it is sent, and what becomes of it."""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import azure.functions as func
import msgspec

from shared.adapters.stores import table_names
from shared.domain import ids
from shared.domain.access.callers import BackEnd
from shared.domain.imports.import_record import MAX_PART_BYTES
from shared.domain.retry_policy import REDELIVERY
from shared.domain.sync.queue_messages import parse
from shared.errors import Rejected, SyncError, Unreadable
from shared.triggers import queues
from shared.triggers.http import imports
from shared.triggers.http.framework import routing
from shared.triggers.http.framework.contracts import Parameter
from shared.triggers.http.framework.paging import limit_of
from shared.triggers.http.framework.requests import Request
from tests.attack.scene import Scene
from tests.support.delivery import Message
from tests.support.http.contract import held_to_contract

#: Functions that decode a parameter of a path.
_IN_PATH: dict[str, Callable[[str], object]] = {
    "tenant": ids.tenant_id,
    "location": ids.location_id,
    "run": ids.run_id,
    "recipient": ids.recipient_id,
    "import": ids.import_id,
    "number": imports._number,
    "key": ids.key_name,
    "erasure": ids.run_id,
}


class Outcome(StrEnum):
    """What became of a bad input."""

    #: Answered by 4xx with a code.
    REFUSED = "refused"
    #: A message that the operator log has.
    RECORDED = "recorded"
    #: A message for work that another run, or the end of its run, has made obsolete; the log of the app says so.
    DROPPED = "dropped"
    #: Answered by 500, or an error that is not one of the product's.
    CRASHED = "crashed"
    #: Answered as if it were right, by an answer that the API does not document, or not recorded.
    ACCEPTED = "accepted"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an input, with what is to be seen of it."""

    outcome: Outcome
    detail: str


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request, to a function of the service API, or through the door for people."""

    #: The route that is attacked, and what is wrong with the request.
    rule: str
    wrong: str
    method: str
    #: Parameters of the path, as the host gives them to the function.
    parameters: dict[str, str] = {}
    #: Path behind the door for people, as a client sends it; None for the service API.
    path: str | None = None
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    body: bytes = b""

    def request(self) -> func.HttpRequest:
        """Return it as the host passes it on."""
        path = self.path if self.path is not None else self.rule.partition(" ")[2]
        return func.HttpRequest(
            method=self.method,
            url=f"https://app.example/api/{quote(path)}",
            headers=self.headers,
            params=self.query,
            route_params=self.parameters if self.path is None else {"path": self.path},
            body=self.body,
        )

    def is_decodable(self) -> bool:
        """Return whether path, query, headers and body have the types that the route declares."""
        if self.method != self.rule.partition(" ")[0]:
            return False
        route, parameters = _route(self.rule), self.parameters
        if self.path is not None:
            matched = route.match(self.method, self.path.strip("/")) if route else None
            if matched is None:
                return False
            parameters = matched
        if route is None:  # a file of the portal: any path
            return True
        try:
            _decode(route, Request(self.request(), parameters, BackEnd()))
        except Rejected:
            return False
        return True

    async def sent(self, scene: Scene) -> Verdict:
        """Send the request."""
        function = scene.routes[self.rule] if self.path is None else scene.door
        answer = await function.call(self.request())
        status, content = answer.status_code, answer.get_body()
        detail = f"{status} {content[:300]!r}"
        if status >= 500:
            return Verdict(outcome=Outcome.CRASHED, detail=detail)
        if not 400 <= status < 500:
            return Verdict(outcome=Outcome.ACCEPTED, detail=detail)
        if "portal" in self.rule:
            return Verdict(outcome=Outcome.REFUSED, detail=str(status))
        try:
            address = self.path if self.path is not None else self.rule.partition(" ")[2]
            prefix = "signed-in/" if self.path is not None else ""
            held_to_contract(self.method, prefix + self.rule.partition(" ")[2], prefix + address.strip("/"), answer)
            return Verdict(outcome=Outcome.REFUSED, detail=str(json.loads(content)["code"]))
        except (AssertionError, KeyError, ValueError) as error:
            return Verdict(outcome=Outcome.ACCEPTED, detail=f"{detail} {error!r}")


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a queue."""

    rule: str
    wrong: str
    text: bytes
    deliveries: int = 1

    def is_decodable(self) -> bool:
        """Return whether its text is a job of the queue."""
        try:
            parse(self.rule, self.text.decode("utf-8", errors="replace"), "attack")
        except (Rejected, Unreadable):
            return False
        return True

    async def sent(self, scene: Scene) -> Verdict:
        """Deliver the message, and once more for the last time if the host has to."""
        dropped: list[str] = []

        def noted(name: str, *_: object, **fields: object) -> None:
            if name == "dropped":
                dropped.append(str(fields.get("reason")))

        event = queues.event  # type: ignore[attr-defined]
        queues.event = noted  # type: ignore[attr-defined]
        try:
            return await self._delivered(scene, dropped)
        finally:
            queues.event = event  # type: ignore[attr-defined]

    async def _delivered(self, scene: Scene, dropped: list[str]) -> Verdict:
        before, detail = scene.state()[table_names.LEDGER], ""
        for deliveries in (self.deliveries, REDELIVERY.attempts):
            try:
                await queues._process(self.rule, _Delivered(self.text, deliveries))
            except SyncError as error:
                detail = f"{error.code}: {error}"
                continue
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                return Verdict(outcome=Outcome.CRASHED, detail=repr(error))
            added = [row for key, (row, _) in scene.state()[table_names.LEDGER].items() if key not in before]
            if added:
                return Verdict(outcome=Outcome.RECORDED, detail=str(added[0].get("code")))
            if dropped:
                return Verdict(outcome=Outcome.DROPPED, detail=dropped[0])
            return Verdict(outcome=Outcome.ACCEPTED, detail="neither recorded nor dropped")
        return Verdict(outcome=Outcome.ACCEPTED, detail=detail)


class _Delivered(Message):
    """A message of any bytes."""

    def __init__(self, content: bytes, dequeue_count: int) -> None:
        super().__init__("", dequeue_count=dequeue_count, id_="attack")
        self._content = content

    def get_body(self) -> bytes:
        """Return its bytes."""
        return self._content


Input = Call | Post


def _route(rule: str) -> routing.Route | None:
    method, _, path = rule.partition(" ")
    return next((route for route in routing.ROUTES if (route.method, route.path) == (method, path)), None)


def _decode(route: routing.Route, request: Request) -> None:
    """Decode all parts of a request. Raises Rejected."""
    for name, text in request.parameters.items():
        _IN_PATH.get(name, str)(text)
    if route.contract.body is not None:
        request.body(route.contract.body)
    if route.contract.takes_csv:
        request.file(MAX_PART_BYTES)
    if route.contract.conditional:
        request.condition()
    if route.contract.repeatable:
        request.repeatable("")
    for parameter in route.contract.query:
        _decode_query(parameter, request)


def _decode_query(parameter: Parameter, request: Request) -> None:
    text, kind = request.query(parameter.name), parameter.schema
    if parameter.name == "limit":
        limit_of(request)
    elif parameter.name == "columns":
        imports._reading(request)
    elif text and (
        parameter.name == "cursor"  # what it means is not declared, so all forged ones count as malformed
        or text not in kind.get("enum", [text])
        or (kind["type"] == "boolean" and text not in {"true", "false"})
    ):
        raise Rejected("not of the type that is declared", code="invalid_query")


def declared(rule: str) -> Any:  # noqa: ANN401 - msgspec types have no common one
    """Return the type of a route's body; None without one."""
    route = _route(rule)
    return route.contract.body if route is not None else None
