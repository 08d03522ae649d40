"""Gateway of Graph: authentication, faults, permissions and throttling, before a request reaches its handler."""

import uuid
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from infra.local.entra.graph.batch import answer_batch
from infra.local.entra.graph.call import VERSION, Call, parse_target
from infra.local.entra.graph.routes import find_route, is_known, units_of
from infra.local.entra.http.answers import Answer, GraphError, Wire, bad_request, error_answer, forbidden
from infra.local.entra.http.request import Request
from infra.local.entra.state import fault_actions
from infra.local.entra.state.simulator import State
from infra.local.entra.state.throttle import limit_units
from infra.local.entra.state.tokens import BadToken, Principal
from infra.local.entra.state.waits import retry_after_s

_BATCH = "/$batch"
#: The share of the limit is reported from the first value on, and at most as the second.
#: Source: https://learn.microsoft.com/graph/throttling-limits (x-ms-throttle-limit-percentage)
_WARN_FROM, _WARN_MOST = 0.8, 1.8
#: Responses with content have this header.
_ODATA_VERSION = {"OData-Version": "4.0"}


class Graph:
    """Answers requests. It never raises errors."""

    def __init__(self, state: State) -> None:
        self._state = state

    def answer(self, request: Request) -> Answer:
        """Return the response, with its fault if one is armed."""
        state = self._state
        request_id = str(uuid.uuid4())
        client_request_id = request.headers.get("client-request-id", request_id)
        worded = partial(
            error_answer,
            request_id=request_id,
            client_request_id=client_request_id,
            date=f"{state.clock.now():%Y-%m-%dT%H:%M:%S}",
        )
        try:
            call = self._let_in(request)
        except GraphError as error:
            kind, directory, units, answer = f"{request.method} ?", "?", 0, worded(error)
        else:
            directory = call.directory.name
            kind, units = _kind(call)
            try:
                answer = self._answered(call, request)
            except GraphError as error:
                answer = worded(error)
                units = 0 if error.status == HTTPStatus.TOO_MANY_REQUESTS else units
            answer = _explained(self._spoiled(answer, request, call), call.principal)
            self._note_waits(call.principal, answer, request.came_s)
        state.metrics.note(kind, directory, answer.status, units=units, sent=len(answer.body))
        headers = {"request-id": request_id, "client-request-id": client_request_id, **answer.headers}
        if answer.status == HTTPStatus.OK:
            headers = _ODATA_VERSION | headers
        return replace(answer, headers=headers)

    def _answered(self, call: Call, request: Request) -> Answer:
        _check_content_type(call)
        if call.target.path == _BATCH and call.method == "POST" and not request.in_batch:
            return answer_batch(call, lambda part: self.answer(_part(part, request)), came_s=request.came_s)
        match = find_route(call.method, call.target.path)
        if match is None and (is_known(call.target.path) or call.target.path == _BATCH):
            raise GraphError(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "Request_BadRequest",
                "Specified HTTP method is not allowed for the request target.",
            )
        if match is None or not (request.in_batch or request.url.startswith(VERSION + "/")):
            last = call.target.segments[-1] if call.target.segments else ""
            raise bad_request(f"Resource not found for the segment '{last}'.", "BadRequest")
        route, places = match
        headers = self._spend(call, units_of(route, call.target.parameters))
        if not all(call.may(needed) for needed in route.needs):
            raise forbidden()
        directory = call.state.listed(call.directory) if route.lags else call.directory
        answer = route.answer(replace(call, places=places, directory=directory))
        return replace(answer, headers={**headers, **answer.headers})

    def _let_in(self, request: Request) -> Call:
        """Return the authenticated request.

        Raises:
            GraphError: 401.
        """
        state = self._state
        try:
            principal = state.tokens.principal(_bearer(request), audiences=state.audiences)
        except BadToken as error:
            challenge = f'Bearer realm="", authorization_uri="{state.login}/common/oauth2/authorize"'
            raise GraphError(
                HTTPStatus.UNAUTHORIZED,
                "InvalidAuthenticationToken",
                str(error),
                headers={"WWW-Authenticate": challenge},
            ) from error
        directory = state.tenant(principal.tid)
        if directory is None:
            raise GraphError(
                HTTPStatus.UNAUTHORIZED, "InvalidAuthenticationToken", "The tenant of the token was not found."
            )
        return Call(
            state=state,
            directory=directory,
            principal=principal,
            method=request.method,
            target=parse_target(request.url, versioned=not request.in_batch),
            headers=request.headers,
            body=request.body,
        )

    def _spend(self, call: Call, units: int) -> dict[str, str]:
        """Return the response headers with the state of the limit.

        Raises:
            GraphError: 429.
        """
        settings = self._state.settings
        headers = {"x-ms-resource-unit": str(units)}
        if not settings.throttling:
            return headers
        limit = settings.throttle_limit_units or limit_units(len(call.directory.users))
        now_s = self._state.clock.epoch_s()
        spent = self._state.throttle.spend(call.principal.tid, call.principal.appid, units, limit=limit, now_s=now_s)
        if spent.share >= _WARN_FROM:
            headers["x-ms-throttle-limit-percentage"] = f"{min(spent.share, _WARN_MOST):.2f}"
        if spent.retry_after_s is not None:
            headers["Retry-After"] = str(spent.retry_after_s)
            raise GraphError(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests", "Too many requests.", headers=headers)
        return headers

    def _note_waits(self, asking: Principal, answer: Answer, came_s: float) -> None:
        """Count a request that was sent during a `Retry-After` time, and store the `Retry-After` of the response."""
        waits, application = self._state.waits, (asking.tid, asking.appid)
        if waits.ignored(*application, came_s=came_s):
            self._state.metrics.sent_while_waiting += 1
        wait_s = retry_after_s(answer)
        if wait_s:
            waits.note(*application, now_s=self._state.clock.epoch_s(), wait_s=wait_s)

    def _spoiled(self, answer: Answer, request: Request, call: Call) -> Answer:
        target = call.target
        action = self._state.faults.due(
            "graph",
            method=request.method,
            path=f"{target.path}?{'&'.join(f'{name}={value}' for name, value in target.parameters.items())}",
            directory=call.directory.name,
            application=call.principal.appid,
            in_batch=request.in_batch,
        )
        if action is None:
            return answer
        url = call.link(target.parameters) if target.parameters else call.root + target.path
        spoiled = fault_actions.apply(action, answer, url)
        return replace(spoiled, wire=Wire.WHOLE, delay_s=0.0) if request.in_batch else spoiled


def _explained(answer: Answer, principal: Principal) -> Answer:
    """Add to a refusal for throttling what was exceeded."""
    if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
        return answer
    headers = {
        "x-ms-throttle-scope": f"Tenant_Application/ReadWrite/{principal.appid}/{principal.tid}",
        "x-ms-throttle-information": "ResourceUnitLimitExceeded",
    }
    return replace(answer, headers={**headers, **answer.headers})


def _check_content_type(call: Call) -> None:
    """Raise GraphError, 400, for a POST without JSON."""
    if call.method != "POST":
        return
    content_type = call.headers.get("content-type", "")
    if not content_type:
        raise bad_request(
            "Write requests (excluding DELETE) must contain the Content-Type header declaration.", "BadRequest"
        )
    if "json" not in content_type.lower():
        raise bad_request("Entity only allows writes with a JSON Content-Type header.", "BadRequest")


def _kind(call: Call) -> tuple[str, int]:
    """Return the name for metrics, and the resource units."""
    match = find_route(call.method, call.target.path)
    if match is None:
        return ("POST /$batch" if call.target.path == _BATCH else f"{call.method} ?"), 0
    return match[0].kind, units_of(match[0], call.target.parameters)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BadToken("Access token is empty.")
    return token.strip()


def _part(part: Request, whole: Request) -> Request:
    """Return a part of a batch as a request with the token of the batch."""
    return replace(part, headers={**part.headers, "authorization": whole.headers.get("authorization", "")})
