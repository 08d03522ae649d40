"""Manners that change the form of an answer and not what it says: reading it gives the same result."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from infra.local.entra.http.request import Request
from tests.support.hostile_graph.server import Sent

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LINKS = ("@odata.nextLink", "@odata.deltaLink")
#: Marks the request that follows an empty page.
_AGAIN = "page=again"
#: What Graph adds, and what gateways add.
_UNKNOWN = {
    "@microsoft.graph.tips": "Use $select to choose only the properties your app needs",
    "createdDateTime": "2016-02-29T23:59:59.9999999Z",
    "signInActivity": {"lastSignInDateTime": "9999-12-31T23:59:59.9999999Z", "nextLink": None},
    "extension_0123_number": "12",
    "@odata.count": "12",
}


class AllDisguises:
    """Every disguise together, also for what a page repeats of the page before."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}

    def __call__(self, request: Request, sent: Sent) -> bool:
        """Disguise a response."""
        sent.encode = _odd_text
        sent.streamed = "gzip" in request.headers.get("accept-encoding", "")
        if sent.status != 200:
            return True
        sent.headers = {name.swapcase(): value for name, value in sent.headers.items() if name != "Content-Type"}
        sent.content = _odd(sent.content)
        if request.method == "GET" and isinstance(sent.content.get("value"), list):
            self._spread(request, sent)
        for name in _LINKS:
            if name in sent.content:  # at the end of the page
                sent.content[name] = _odd_link(sent.content.pop(name))
        return True

    def _spread(self, request: Request, sent: Sent) -> None:
        """Begin with an empty page, and repeat the last object of a page on the page after it."""
        path, page = urlsplit(request.url).path, sent.content
        if "token" not in request.url and _AGAIN not in request.url:
            self._last.pop(path, None)
            host = "https://" + request.headers["host"]
            sent.content = {"value": [], _LINKS[0]: f"{host}{request.url}&{_AGAIN}"}
            return
        if path in self._last and "skiptoken" in request.url:
            page["value"].insert(0, self._last[path])
        if page["value"]:
            self._last[path] = page["value"][-1]


def _odd(content: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with unknown properties in every object that has an id or a page, and ids in upper case."""
    if isinstance(content, list):
        return [_odd(each) for each in content]
    if not isinstance(content, dict):
        return content
    odd = {name: _odd(value) for name, value in content.items()}
    if isinstance(odd.get("id"), str) and _GUID.fullmatch(odd["id"]):
        odd["id"] = odd["id"].upper()
    return {**_UNKNOWN, **odd} if "id" in odd or "value" in odd or "responses" in odd else odd


def _odd_link(link: str) -> str:
    """Return a link with another case of the host, and more of the query encoded than is necessary."""
    address, _, query = link.partition("?")
    odd = query.replace("%24", "$").replace("$", "%24").replace(",", "%2c").replace("%2C", "%2c")
    return f"{address.replace('localhost', 'LocalHost')}?{odd}"


def _odd_text(content: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return JSON with white space at every place, and with escapes as .NET writes them."""
    text = json.dumps(content, indent=1, separators=(" ,", " : ")).replace("&", "\\u0026").replace("+", "\\u002B")
    return f"\r\n\t {text}\r\n".encode()
