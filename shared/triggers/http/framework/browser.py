"""What protects people's browsers: headers of every answer, and the refusal of requests from pages of other websites.

Such a page can send requests with the cookie of a signed-in person. It has no key or bearer token to send.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from shared.errors import Forbidden

#: Headers of every answer: of the API, and of the portal's files.
#: Source: https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: Headers of the API's answers, which contain people.
API_HEADERS: Final[Mapping[str, str]] = {**HEADERS, "Cache-Control": "no-store"}

#: Values of Sec-Fetch-Site of the app's own pages, and of requests that a person makes without a page.
#: Source: https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
_SAME: Final = "same-origin"
_OWN_SITES: Final = frozenset({_SAME, "none"})
#: Origin of a page that conceals it, as a browser may for a page of our own because of its Referrer-Policy.
_CONCEALED: Final = "null"
_PORTS: Final = {"https": 443, "http": 80}


def require_own_page(url: str, headers: Mapping[str, str], named: tuple[str, ...]) -> None:
    """Raise Forbidden for a request from a page of another website, also for one that only reads.

    Reads count against the limits of the person whose cookie it uses, and no such page has to send one.
    A request with a bearer token and without a cookie is accepted from every page: no browser adds the token by itself.
    A page whose origin is named is accepted whatever Sec-Fetch-Site says about it.

    Args:
        url: Address of the request as the host received it.
        headers: Headers of the request, with names in lower case.
        named: Origins of the portal in addition to the app's own, such as `https://portal.example`.

    """
    if headers.get("authorization", "").lower().startswith("bearer ") and "cookie" not in headers:
        return
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    sender = _parts(origin) if origin is not None else None
    if sender is not None and sender in map(_parts, named):
        return
    is_foreign = site not in _OWN_SITES
    if origin is not None and not (origin == _CONCEALED and site == _SAME):
        own = {_parts(text) for text in (url, _https(urlsplit(url).netloc), _https(headers.get("host", "")))}
        is_foreign = is_foreign or sender not in own - {None}
    if is_foreign:
        raise Forbidden("Requests from pages of other websites are not allowed.", code="cross_site")


def _https(host: str) -> str:
    """Return the address of a host: a proxy may pass on by http what it received by https."""
    return f"https://{host}"


def _parts(text: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an address, None for what is not an address of http."""
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None
