"""The portal: static files, served from memory to whoever asks; what they show comes from the API."""

import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final

import azure.functions as func

_FOLDER: Final = Path(__file__).parents[2] / "portal"
_INDEX: Final = "index.html"
#: Nothing is loaded from anywhere else, nothing inline is run, and nobody may frame the pages.
#: Styles of web components are style sheet objects, which no policy concerns.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
#: Names stay when their content changes, so a browser asks each time whether it has the newest.
_CACHE: Final = "no-cache"

bp = func.Blueprint()


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is served."""

    content: bytes
    mimetype: str
    etag: str


@cache
def files() -> dict[str, File]:
    """Return every file of the portal by its path; a path that is not among them leads nowhere."""
    found = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0] or "text/plain"
            etag = f'"{sha256(content).hexdigest()[:32]}"'
            found[path.relative_to(_FOLDER).as_posix()] = File(content, f"{kind}; charset=utf-8", etag)
    return found


@bp.route(route="portal", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def portal(req: func.HttpRequest) -> func.HttpResponse:
    """Serve the page."""
    return _served(req, _INDEX)


@bp.route(route="portal/{*path}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def portal_file(req: func.HttpRequest) -> func.HttpResponse:
    """Serve a file of the page."""
    path = req.route_params.get("path", "").strip("/")
    if not path:  # names in the page are relative to the address without the slash
        return func.HttpResponse(
            status_code=HTTPStatus.PERMANENT_REDIRECT, headers={**_HEADERS, "Location": "../portal"}
        )
    return _served(req, path)


def _served(req: func.HttpRequest, path: str) -> func.HttpResponse:
    file = files().get(path)
    if file is None:
        return func.HttpResponse("There is no such file.", status_code=HTTPStatus.NOT_FOUND, headers=_HEADERS)
    headers = {**_HEADERS, "Cache-Control": _CACHE, "ETag": file.etag}
    known = {each.strip().removeprefix("W/") for each in (req.headers.get("if-none-match") or "").split(",")}
    if file.etag in known:
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return func.HttpResponse(file.content, mimetype=file.mimetype, headers=headers)
