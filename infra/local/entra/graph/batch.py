"""`POST /$batch`: up to twenty requests in one, each with its own response.

Source: https://learn.microsoft.com/graph/json-batching
"""

import base64
from collections.abc import Callable
from http import HTTPStatus

import msgspec

from infra.local.entra.graph.call import Call
from infra.local.entra.http.answers import Answer, bad_request, json_answer
from infra.local.entra.http.request import Request

REQUESTS_MAX = 20
_WRITING = frozenset({"POST", "PATCH", "PUT"})


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw()
    depends_on: list[str] = []


class _Batch(msgspec.Struct, frozen=True, kw_only=True):
    requests: list[_Part]


def answer_batch(call: Call, answer: Callable[[Request], Answer], *, came_s: float) -> Answer:
    """Return the responses to all parts in arbitrary order: clients must match them by `id`."""
    try:
        parts = msgspec.json.decode(call.body, type=_Batch).requests
    except msgspec.MsgspecError as error:
        raise bad_request("Invalid batch payload format.", "BadRequest") from error
    if len(parts) > REQUESTS_MAX:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {REQUESTS_MAX}.", "BadRequest")
    if len({part.id.casefold() for part in parts}) != len(parts):
        raise bad_request("Request Id values in a batch must be unique.", "BadRequest")
    for part in parts:
        _check_body(part)
    failed: set[str] = set()
    answers: list[dict[str, object]] = []
    for part in parts:
        if failed.intersection(name.casefold() for name in part.depends_on):
            one = Answer(status=HTTPStatus.FAILED_DEPENDENCY, body=b'{"error":{"code":"FailedDependency"}}')
        else:
            one = answer(_request(part, came_s))
        if one.status >= HTTPStatus.BAD_REQUEST:
            failed.add(part.id.casefold())
        answers.append(_response(part.id, one))
    if not call.state.settings.batch_in_order:
        answers.reverse()
    return json_answer({"responses": answers})


def _check_body(part: _Part) -> None:
    """Raise GraphError, 400 for the whole batch, if a part that writes lacks its content or the content's type."""
    typed = any(name.lower() == "content-type" for name in part.headers)
    if (bytes(part.body) or part.method.upper() in _WRITING) and not (typed and bytes(part.body)):
        raise bad_request(f"Write request id : {part.id} does not contain Content-Type header or body.", "BadRequest")


def _request(part: _Part, came_s: float) -> Request:
    return Request(
        method=part.method.upper(),
        url=part.url,
        headers={name.lower(): value for name, value in part.headers.items()},
        body=bytes(part.body),
        in_batch=True,
        came_s=came_s,
    )


def _response(part_id: str, answer: Answer) -> dict[str, object]:
    """Return the JSON of one response. JSON bodies are embedded, others are encoded as base64."""
    body: object = msgspec.Raw(answer.body)
    if "json" not in answer.content_type:
        body = base64.b64encode(answer.body).decode()
    headers = {"Content-Type": answer.content_type, "Cache-Control": "no-cache", **answer.headers}
    return {"id": part_id, "status": int(answer.status), "headers": headers, "body": body}
