"""The API over HTTP: who calls it, its answers, and what went wrong in one sentence."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from shared.cli.exits import Exit

API: Final = "RECIPIENT_SYNC_API"
KEY: Final = "RECIPIENT_SYNC_KEY"
TOKEN: Final = "RECIPIENT_SYNC_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT_S: Final = 120.0
#: Hosts that may be spoken to without TLS.
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_BUSY: Final = 429


class Failure(Exception):
    """The command cannot go on: what to say, and with which exit code."""

    def __init__(self, message: str, code: Exit, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.problem = problem or {"code": code.name.lower(), "detail": message}


@dataclass(frozen=True, slots=True)
class Answered:
    """A successful answer: its JSON, its bytes, and what time it was there."""

    json: Any
    content: bytes
    date: datetime | None


class Api:
    """A session with one API, as the back end (by key) or as a person (by token)."""

    def __init__(self, address: str, transport: httpx.BaseTransport | None = None) -> None:
        key, token = os.environ.get(KEY), os.environ.get(TOKEN)
        address = (address or os.environ.get(API) or "").rstrip("/")
        if not address:
            raise Failure(f"Say where the API is: --api or {API}, such as https://sync.example/api.", Exit.USAGE)
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in _LOCAL:
            raise Failure("The address must begin with https://: the key would be readable on its way.", Exit.USAGE)
        if not key and not token:
            raise Failure(f"Say who calls: the function key in {KEY}, or a bearer token in {TOKEN}.", Exit.USAGE)
        self._address = address if key else f"{address}/signed-in"
        headers = {"x-functions-key": key} if key else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            headers={**headers, "Accept": "application/json"},
            timeout=_TIMEOUT_S,
            follow_redirects=False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def __call__(
        self,
        method: str,
        *path: str,
        body: object = None,
        content: bytes | None = None,
        query: Mapping[str, str | int | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Return what a route answers; `path` is its parts. Raises: Failure."""
        address = "/".join((self._address, *(quote(part, safe="") for part in path)))
        if body is not None:
            content = msgspec.json.encode(body)
        given = {name: str(value) for name, value in (query or {}).items() if value not in {None, ""}}
        try:
            answer = self._http.request(method, address, content=content, params=given, headers=headers)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise Failure(f"The API at {self._address} did not answer ({kind}).", Exit.UNREACHABLE) from None
        if answer.is_success:
            return Answered(_json(answer), answer.content, _date(answer))
        raise _refusal(answer)

    def every(self, name: str, *path: str, query: Mapping[str, str | None] | None = None) -> Iterator[Any]:
        """Yield the items of a list, through as many pages as there are. Raises: Failure."""
        cursor: str | None = None
        while True:
            page = self("GET", *path, query={**(query or {}), "limit": 1000, "cursor": cursor}).json
            yield from page[name]
            cursor = page["cursor"]
            if cursor is None:
                return


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 - JSON of any route
    if not answer.headers.get("content-type", "").split(";")[0].endswith("json"):
        return None
    try:
        return msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return None


def _date(answer: httpx.Response) -> datetime | None:
    date = answer.headers.get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else None


def _refusal(answer: httpx.Response) -> Failure:
    problem = _json(answer)
    status = answer.status_code
    code = Exit.UNREACHABLE if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == _BUSY else Exit.REFUSED
    if not isinstance(problem, dict) or "detail" not in problem:
        said = "the key is wrong" if status == httpx.codes.UNAUTHORIZED else "see whether the address is right"
        return Failure(f"The API answered {status}: {said}.", code)
    sentence = " ".join(str(problem[name]) for name in ("detail", "fix") if problem.get(name))
    if wait := answer.headers.get("retry-after"):
        sentence += f" Try again in {wait} s."
    return Failure(f"{sentence} ({problem.get('code')})", code, problem)
