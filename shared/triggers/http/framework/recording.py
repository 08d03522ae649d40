"""Records requests in the audit log: before they are handled, and how they end.

This is the only place where routes are recorded. `records.py` says which ones, and as what.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import msgspec
from msgspec import inspect

from shared.bootstrap import App
from shared.domain import ids
from shared.domain.access.callers import BackEnd, Caller, name_of
from shared.domain.operations.audit import STRANGERS, Action, EntryPoint
from shared.errors import Forbidden, RateLimited, Rejected, SyncError, Unauthenticated
from shared.triggers.http.framework.answers import Answer, status_of
from shared.triggers.http.framework.records import Record
from shared.triggers.http.framework.requests import MAX_BODY, Request
from shared.workflows.operations.audit import Asked

#: How the command line names itself (`shared/cli/client.py`).
_COMMAND_LINE: Final = "recipient-sync-cli"
#: Ids in paths, with the check of each. Text that fails it may be a secret that was pasted there, and is left out.
_SUBJECTS: Final[Mapping[str, Callable[[str], str]]] = {
    "location": ids.location_id,
    "run": ids.run_id,
    "import": ids.import_id,
    "recipient": ids.recipient_id,
    "key": ids.key_name,
}
#: Ids of queue messages.
_MESSAGE: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
#: Errors that end a request because of its sender.
REFUSALS: Final = (Unauthenticated, Forbidden, RateLimited)
#: Names of the fields of a type of JSON, with those of the fields that are objects.
_Fields = Mapping[str, "_Fields"]


async def recorded(
    product: App, record: Record | None, body: object, handler: Callable[[Request], Awaitable[Answer]], request: Request
) -> Answer:
    """Handle a request that its rule allows, and record it.

    It is stored first: a change or an export that cannot be recorded is not made. Raises the error of storage then.

    Args:
        product: The app.
        record: What the route is recorded as; None for a route that is left out.
        body: Type of the JSON that the route accepts; None without a body.
        handler: Handler of the route.
        request: The request.

    """
    await product.audit.flush()
    if record is None or not record.applies(request):
        try:
            return await handler(request)
        except REFUSALS as error:
            await refused(product, request, request.caller, error)
            raise
    asked = _asked(request, record.action, request.caller, _sent(request, body))
    begun = await product.audit.begin(asked)
    trail = request.trail
    try:
        answer = await handler(request)
    except SyncError as error:
        await product.audit.end(begun, status=status_of(error), code=error.code)
        raise
    except Exception:
        await product.audit.end(begun, status=HTTPStatus.INTERNAL_SERVER_ERROR, code="internal")
        raise
    subject = {**_created(answer), **trail.subject}
    await product.audit.end(begun, status=answer.status, fields=trail.fields, subject=subject)
    return answer


async def refused(
    product: App, request: Request, caller: Caller | None, error: SyncError, record: Record | None = None
) -> None:
    """Record that a request was refused because of its sender; `caller` is None for one who is not known."""
    asked = _asked(request, record.action if record else Action.REQUEST_REFUSED, caller, ())
    await product.audit.refused(caller, asked, status=status_of(error), code=error.code)


def _asked(request: Request, action: Action, caller: Caller | None, fields: tuple[str, ...]) -> Asked:
    entry_point = EntryPoint.SERVICE_API if isinstance(caller, BackEnd) else EntryPoint.SIGNED_IN
    if request.header("user-agent").startswith(_COMMAND_LINE):
        entry_point = EntryPoint.COMMAND_LINE
    return Asked(
        action=action.value,
        actor=STRANGERS if caller is None else name_of(caller),
        entry_point=entry_point,
        tenant=_valid(ids.tenant_id, request.parameters.get("tenant")),
        subject=dict(_subject(request.parameters)),
        fields=fields,
    )


def _subject(parameters: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, check in _SUBJECTS.items():
        valid = _valid(check, parameters.get(name))
        if valid is not None:
            yield name, valid
    if _MESSAGE.fullmatch(parameters.get("entry", "")):
        yield "message", parameters["entry"]


def _valid(check: Callable[[str], Any], text: str | None) -> Any:  # noqa: ANN401 - the id that the check returns
    try:
        return None if text is None else check(text)
    except Rejected:
        return None


def _created(answer: Answer) -> Mapping[str, str]:
    """Return what an answer leads to, by its kind: a run, an import or an erasure."""
    kind, _, name = answer.headers.get("Location", "").rpartition("/")
    return {kind.rpartition("/")[2].removesuffix("s"): name} if kind else {}


def _sent(request: Request, body: object) -> tuple[str, ...]:
    """Return the names of the fields in a request, as far as its type has them: other names may be values."""
    content: bytes = request.raw.get_body()
    if body is None or len(content) > MAX_BODY:
        return ()
    try:
        sent = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return tuple(_named(sent, _fields_of(body)))


def _named(sent: object, fields: _Fields) -> Iterator[str]:
    if not isinstance(sent, dict):
        return
    for name in sorted(sent.keys() & fields.keys()):
        inner = tuple(_named(sent[name], fields[name]))
        yield from (f"{name}.{field}" for field in inner) if inner else (name,)


@cache
def _fields_of(body: object) -> _Fields:
    return _fields(inspect.type_info(body))


def _fields(kind: inspect.Type) -> _Fields:
    if isinstance(kind, inspect.UnionType):
        return {name: inner for one in kind.types for name, inner in _fields(one).items()}
    if isinstance(kind, inspect.StructType):
        return {field.encode_name: _fields(field.type) for field in kind.fields}
    return {}
