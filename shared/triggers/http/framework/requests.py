"""A request as routes see it: who sends it, its ids validated, its body decoded."""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
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

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
#: One ETag of a list. Proxies that compress mark them as weak.
_ETAG: Final = re.compile(r'(?:W/)?"([^"]*)"')

#: Longest body that is read, in bytes.
_MAX_BODY: Final = 256 * 1024
#: Where msgspec repeats what was sent, and what is said in its place: it may be a secret in the wrong field. The name
#: of a field is repeated if it could be one.
_QUOTED: Final = (
    (re.compile(r"Invalid enum value '.*'", re.DOTALL), "Invalid value"),
    (re.compile(r"unknown field `(?![a-zA-Z]{1,32}`).*`", re.DOTALL), "unknown field"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request, whose ids are validated as they are taken from it."""

    raw: func.HttpRequest
    parameters: Mapping[str, str]
    caller: Caller

    @property
    def tenant(self) -> TenantId:
        """The tenant of the route. Raises: Rejected."""
        return ids.tenant_id(self.parameters["tenant"])

    @property
    def location(self) -> LocationId:
        """The location of the route. Raises: Rejected."""
        return ids.location_id(self.parameters["location"])

    @property
    def run(self) -> RunId:
        """The run of the route. Raises: Rejected."""
        return ids.run_id(self.parameters["run"])

    @property
    def import_(self) -> ImportId:
        """The import of the route. Raises: Rejected."""
        return ids.import_id(self.parameters["import"])

    @property
    def recipient(self) -> RecipientId:
        """The recipient of the route. Raises: Rejected."""
        return ids.recipient_id(self.parameters["recipient"])

    @property
    def entry(self) -> str:
        """The entry of the route, whose id may be any text."""
        return self.parameters["entry"]

    def header(self, name: str) -> str:
        """Return a header, by its name in any case; empty if it is not there."""
        wanted = name.lower()
        return next((value for key, value in self.raw.headers.items() if key.lower() == wanted), "")

    def condition(self) -> Condition | None:
        """Return what `If-Match` or `If-None-Match` expect, None without either. Raises: Rejected."""
        match, none_match = self.header("if-match").strip(), self.header("if-none-match").strip()
        if none_match not in {"", "*"}:
            raise Rejected("If-None-Match may only be *, which means: create, never replace.", code="invalid_header")
        if match and none_match:
            raise Rejected("If-Match and If-None-Match exclude each other; send one.", code="invalid_header")
        if none_match:
            return Condition(new=True)
        if match == "*":
            return Condition(existing=True)
        if not match:
            return None
        tags = _ETAG.findall(match)
        if _ETAG.sub("", match).strip(", "):
            raise Rejected('If-Match is no list of ETags such as "0a1b".', code="invalid_header")
        return Condition(tags=frozenset(tags))

    def repeatable(self, operation: str, *asked: bytes) -> IdempotentRequest | None:
        """Return the request as one that may be sent again, None without `Idempotency-Key`. Raises: Rejected."""
        key = self.header("idempotency-key")
        if not key:
            return None
        if len(key) > MAX_KEY or not key.isprintable():
            raise Rejected(f"Idempotency-Key has 1 to {MAX_KEY} printable characters.", code="invalid_header")
        return IdempotentRequest.of(name_of(self.caller), operation, key, *asked)

    def flag(self, name: str) -> bool:
        """Return a parameter of the query that is `true` or `false`, false if it is left out. Raises: Rejected."""
        text = self.query(name, "false")
        if text not in {"true", "false"}:
            raise Rejected(f"{name} is {text[:80]!r}; use true or false.", code="invalid_query")
        return text == "true"

    def file(self, limit: int) -> io.BytesIO:
        """Return the body as it is. Raises: Rejected beyond `limit` bytes."""
        return io.BytesIO(_content(self.raw, limit))

    def query(self, name: str, default: str = "") -> str:
        """Return a parameter of the query."""
        return self.raw.params.get(name) or default

    def choice(self, name: str, kind: type[E]) -> E | None:
        """Return one of the words that a parameter of the query may be, None if it is left out. Raises: Rejected."""
        text = self.query(name)
        if not text:
            return None
        try:
            return kind(text)
        except ValueError as error:
            words = ", ".join(each.value for each in kind)
            raise Rejected(f"{name} is {text[:80]!r}; use one of {words}.", code="invalid_query") from error

    def body(self, kind: type[T]) -> T:
        """Return the body. Raises: Rejected, naming the field that is wrong and quoting nothing of it."""
        content = _content(self.raw, _MAX_BODY)
        try:
            return msgspec.json.decode(content or b"{}", type=kind)
        except msgspec.ValidationError as error:
            said = str(error)
            for quoted, instead in _QUOTED:
                said = quoted.sub(instead, said)
            raise Rejected(f"The body is not what this route takes: {said}.", code="invalid_body") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Rejected(f"The body is no JSON: {error}.", code="malformed_json") from error


def _content(request: func.HttpRequest, limit: int) -> bytes:
    content: bytes = request.get_body()
    if len(content) > limit:
        raise Rejected(f"The body has {len(content)} bytes; send at most {limit}.", code="body_too_large")
    return content
