"""A request as routes see it: the caller, validated ids and the decoded body."""

import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, TypeVar

import azure.functions as func
import msgspec

from shared.domain import ids
from shared.domain.access.callers import Caller, name_of
from shared.domain.access.idempotency import MAX_KEY, IdempotentRequest
from shared.domain.ids import ImportId, LocationId, RecipientId, RunId, TenantId
from shared.domain.optimistic_locking import Condition
from shared.errors import Rejected
from shared.triggers.http.framework.answers import LengthRequired

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
#: One ETag of a list. Proxies that compress responses mark ETags as weak.
_ETAG: Final = re.compile(r'(?:W/)?"([^"]*)"')

#: The charset of a content type. Source: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1
_CHARSET: Final = re.compile(r';\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)

#: Largest accepted JSON body, in bytes.
MAX_BODY: Final = 256 * 1024
#: Longest content type that is parsed, in characters.
_MAX_CONTENT_TYPE: Final = 1_000
#: Parts of msgspec's messages that quote the input, and their replacements: the input may be a secret in the wrong
#: field. Names of fields are kept if they look like names.
_QUOTED: Final = (
    (re.compile(r"Invalid enum value '.*'", re.DOTALL), "Invalid value"),
    (re.compile(r"unknown field `(?![a-zA-Z]{1,32}`).*`", re.DOTALL), "unknown field"),
)
#: A time finer than a microsecond, as .NET and Microsoft Graph write it: rounding could leave the range of dates.
_FINER: Final = re.compile(rb'("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})\d{1,6}((?:Z|[+-]\d\d:\d\d)")')


class Trail(msgspec.Struct):
    """What a route tells the audit log about a request while it handles it."""

    #: Names of the fields that changed; None if the route does not compare them.
    fields: tuple[str, ...] | None = None
    #: Ids of what was created, by kind.
    subject: dict[str, str] = {}

    def changed(self, before: object, after: object) -> None:
        """Note the names of the fields that differ, such as `guard.maxPeople`."""
        self.fields = tuple(_changed({}, msgspec.to_builtins(before), msgspec.to_builtins(after), deep=True))


class Request(msgspec.Struct, frozen=True):
    """An HTTP request. Ids are validated when they are read."""

    raw: func.HttpRequest
    parameters: Mapping[str, str]
    caller: Caller
    trail: Trail = msgspec.field(default_factory=Trail)

    @property
    def tenant(self) -> TenantId:
        """The tenant in the path. Raises Rejected if the id is malformed."""
        return ids.tenant_id(self.parameters["tenant"])

    @property
    def location(self) -> LocationId:
        """The location in the path. Raises Rejected if the id is malformed."""
        return ids.location_id(self.parameters["location"])

    @property
    def run(self) -> RunId:
        """The run in the path. Raises Rejected if the id is malformed."""
        return ids.run_id(self.parameters["run"])

    @property
    def import_(self) -> ImportId:
        """The import in the path. Raises Rejected if the id is malformed."""
        return ids.import_id(self.parameters["import"])

    @property
    def recipient(self) -> RecipientId:
        """The recipient in the path. Raises Rejected if the id is malformed."""
        return ids.recipient_id(self.parameters["recipient"])

    @property
    def entry(self) -> str:
        """The id of the log entry in the path; any text."""
        return self.parameters["entry"]

    def header(self, name: str) -> str:
        """Return a header by its case-insensitive name; empty if it is missing."""
        lowered = name.lower()
        return next((value for key, value in self.raw.headers.items() if key.lower() == lowered), "")

    def condition(self) -> Condition | None:
        """Return the condition of `If-Match` or `If-None-Match`, None without either. Raises Rejected if malformed."""
        match, none_match = self.header("if-match").strip(), self.header("if-none-match").strip()
        if none_match not in {"", "*"}:
            raise Rejected("Invalid If-None-Match header: use *, which creates only.", code="invalid_header")
        if match and none_match:
            raise Rejected("If-Match and If-None-Match cannot be combined: send one of them.", code="invalid_header")
        if none_match:
            return Condition(new=True)
        if match == "*":
            return Condition(existing=True)
        if not match:
            return None
        tags = _ETAG.findall(match)
        if _ETAG.sub("", match).strip(", "):
            raise Rejected('Invalid If-Match header: use ETags such as "0a1b".', code="invalid_header")
        return Condition(tags=frozenset(tags))

    def repeatable(self, operation: str, *contents: bytes) -> IdempotentRequest | None:
        """Return the idempotency data of the request, None without `Idempotency-Key`. Raises Rejected if malformed."""
        key = self.header("idempotency-key")
        if not key:
            return None
        if len(key) > MAX_KEY or not key.isprintable():
            raise Rejected(f"Invalid Idempotency-Key: use 1 to {MAX_KEY} printable characters.", code="invalid_header")
        return IdempotentRequest.of(name_of(self.caller), operation, key, *contents)

    @property
    def charset(self) -> str:
        """The charset of the content type; empty without one. Raises Rejected if the header is too long."""
        content_type = self.header("content-type")
        if len(content_type) > _MAX_CONTENT_TYPE:
            detail = f"Invalid Content-Type header: use at most {_MAX_CONTENT_TYPE} characters."
            raise Rejected(detail, code="invalid_header")
        found = _CHARSET.search(content_type)
        return (found[1] or found[2] or "") if found else ""

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter, false by default. Raises Rejected if it is neither `true` nor `false`."""
        text = self.query(name, "false")
        if text not in {"true", "false"}:
            raise Rejected(f"Invalid {name} {text[:80]!r}: use true or false.", code="invalid_query")
        return text == "true"

    def file(self, limit: int) -> io.BytesIO:
        """Return the raw body. Raises Rejected if it is missing or larger than `limit` bytes."""
        return io.BytesIO(self._content(limit))

    def query(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return self.raw.params.get(name) or default

    def choice(self, name: str, kind: type[E]) -> E | None:
        """Return a query parameter as an enum value, None if it is missing. Raises Rejected for other values."""
        text = self.query(name)
        if not text:
            return None
        try:
            return kind(text)
        except ValueError as error:
            words = ", ".join(choice.value for choice in kind)
            raise Rejected(f"Invalid {name} {text[:80]!r}: use one of {words}.", code="invalid_query") from error

    def body(self, kind: type[T]) -> T:
        """Decode the JSON body. Raises Rejected if it is missing, or with the name, not the content, of a wrong field.

        An absent body is not an empty object: a body that was lost on its way must not reset everything.
        """
        content = _FINER.sub(rb"\1\2", self._content(MAX_BODY).removeprefix(BOM_UTF8))
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.ValidationError as error:
            reason = str(error)
            for quoted, instead in _QUOTED:
                reason = quoted.sub(instead, reason)
            raise Rejected(f"Invalid request body: {reason}.", code="invalid_body") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Rejected(f"The request body is not valid JSON: {error}.", code="malformed_json") from error

    def left_out(self, before: object, after: object) -> tuple[str, ...]:
        """Return the fields that the JSON body leaves out and whose value a PUT has changed, such as `guard.maxPeople`.

        Args:
            before: The value that the PUT replaced.
            after: The value that it stored.
        """
        sent = msgspec.json.decode(self._content(MAX_BODY).removeprefix(BOM_UTF8))
        return tuple(_changed(sent, msgspec.to_builtins(before), msgspec.to_builtins(after)))

    def _content(self, limit: int) -> bytes:
        content: bytes = self.raw.get_body()
        if len(content) > limit:
            raise Rejected(f"The request body has {len(content)} bytes: send at most {limit}.", code="body_too_large")
        if content:
            return content
        # Some gateways and hosts lose a body whose length is not announced.
        missing = LengthRequired if self.header("transfer-encoding") else Rejected
        raise missing("The request is empty: its content is missing or was lost on the way.", code="body_required")


def _changed(sent: object, before: object, after: object, *, deep: bool = False) -> Iterator[str]:
    """Yield the fields of an object that differ although the request does not name them.

    With `deep`, an object whose fields differ is replaced by these fields.
    """
    if not (isinstance(sent, dict) and isinstance(before, dict) and isinstance(after, dict)):
        return
    for name in sorted(before.keys() | after.keys()):  # a default can be missing in either
        inner = (before.get(name), after.get(name))
        if name in sent or (deep and all(isinstance(value, dict) for value in inner)):
            yield from (f"{name}.{field}" for field in _changed(sent.get(name, {}), *inner, deep=deep))
        elif before.get(name) != after.get(name):
            yield name
