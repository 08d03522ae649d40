"""HTTP client of the API: authentication, responses and errors as one sentence."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from shared.cli.exits import Exit

API: Final = "RECIPIENT_SYNC_API"
KEY: Final = "RECIPIENT_SYNC_KEY"
TOKEN: Final = "RECIPIENT_SYNC_TOKEN"  # noqa: S105 - the name of a variable
#: Longest wait for a response, in seconds.
_TIMEOUT_S: Final = 120.0
#: Name by which the audit log of the API knows the command line.
_AGENT: Final = "recipient-sync-cli"
#: Hosts that are allowed without TLS.
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_BUSY: Final = 429
#: Beginning of named keys, which are for the user API.
_NAMED: Final = "rsk_"


class Failure(Exception):
    """An error that ends the command, with its message and exit code."""

    def __init__(self, message: str, code: Exit, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.problem = problem or {"code": code.name.lower(), "detail": message}


@dataclass(frozen=True, slots=True)
class Response:
    """A successful response: its JSON, its bytes, the server's time, and the cursor of the next page of a file."""

    json: Any
    content: bytes
    date: datetime | None
    next_cursor: str | None = None


class Api:
    """A session with the API: with a named key, as the back end (function key), or as a signed-in user (token)."""

    def __init__(self, address: str, transport: httpx.BaseTransport | None = None) -> None:
        key, token = os.environ.get(KEY), os.environ.get(TOKEN)
        address = (address or os.environ.get(API) or "").rstrip("/")
        if not address:
            raise Failure(
                f"The address of the API is missing. Use --api or set {API}, for example to https://sync.example/api.",
                Exit.USAGE,
            )
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in _LOCAL:
            raise Failure(
                "The address of the API must begin with https://, so that the key or token is encrypted.", Exit.USAGE
            )
        if not key and not token:
            raise Failure(
                f"The credentials are missing. Set {KEY} to a named key or the function key, or {TOKEN} to a bearer "
                "token.",
                Exit.USAGE,
            )
        is_function_key = key and not key.startswith(_NAMED)
        self._address = address if is_function_key else f"{address}/signed-in"
        name = "x-functions-key" if is_function_key else "x-api-key"
        headers = {name: key} if key else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            headers={**headers, "Accept": "application/json", "User-Agent": _AGENT},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # a key is refused together with a cookie
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
    ) -> Response:
        """Send a request and return the response; `path` contains the unencoded path segments. Raises Failure."""
        address = "/".join((self._address, *(quote(part, safe="") for part in path)))
        if body is not None:
            content = msgspec.json.encode(body)
        parameters = {name: str(value) for name, value in (query or {}).items() if value not in {None, ""}}
        try:
            response = self._http.request(method, address, content=content, params=parameters, headers=headers)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise Failure(f"The API at {self._address} did not respond ({kind}).", Exit.UNREACHABLE) from None
        if response.is_success:
            next_cursor = response.headers.get("x-next-cursor")
            return Response(_json(response), response.content, _date(response), next_cursor)
        raise _failure(response)

    def list_all(self, name: str, *path: str, query: Mapping[str, str | None] | None = None) -> Iterator[Any]:
        """Yield the items of a list, from all its pages. Raises Failure."""
        cursor: str | None = None
        while True:
            page = self("GET", *path, query={**(query or {}), "limit": 1000, "cursor": cursor}).json
            yield from page[name]
            cursor = page["cursor"]
            if cursor is None:
                return

    def pages_of_file(self, *path: str, query: Mapping[str, str | None] | None = None) -> Iterator[bytes]:
        """Yield the pages of a CSV file; the names of its columns only once. Raises Failure."""
        cursor: str | None = None
        while True:
            asked = {**(query or {}), "limit": 1000, "cursor": cursor}
            page = self("GET", *path, query=asked, headers={"Accept": "text/csv"})
            yield page.content if cursor is None else page.content.partition(b"\r\n")[2]
            cursor = page.next_cursor
            if cursor is None:
                return


def _json(response: httpx.Response) -> Any:  # noqa: ANN401 - JSON of any route
    if not response.headers.get("content-type", "").split(";")[0].endswith("json"):
        return None
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return None


def _date(response: httpx.Response) -> datetime | None:
    date = response.headers.get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else None


def _failure(response: httpx.Response) -> Failure:
    problem = _json(response)
    status = response.status_code
    code = Exit.UNREACHABLE if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == _BUSY else Exit.REFUSED
    if not isinstance(problem, dict) or "detail" not in problem:
        fix = "Check the key or token." if status == httpx.codes.UNAUTHORIZED else "Check the address of the API."
        return Failure(f"The API responded with status {status}. {fix}", code)
    sentence = " ".join(str(problem[name]) for name in ("detail", "fix") if problem.get(name))
    if wait := response.headers.get("retry-after"):
        sentence += f" Try again in {wait} s."
    return Failure(f"{sentence} ({problem.get('code')})", code, problem)
