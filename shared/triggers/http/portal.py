"""Serves the static files of the portal from memory, without sign-in. All data comes from the API."""

import mimetypes
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final

import azure.functions as func
import msgspec

from shared.triggers.http.framework.browser import HEADERS

_FOLDER: Final = Path(__file__).parents[2] / "portal"
_INDEX: Final = "index.html"
#: Forbids resources of other hosts, inline code and framing. Web components use constructed style sheets, which the
#: policy does not restrict.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    **HEADERS,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
#: File names never change, so browsers must revalidate the content.
_CACHE: Final = "no-cache"

_METHODS: Final = ["GET", "HEAD"]

bp = func.Blueprint()


class File(msgspec.Struct, frozen=True):
    """A file with its type and ETag."""

    content: bytes
    mimetype: str
    etag: str


@cache
def files() -> dict[str, File]:
    """Return all files of the portal by path. Only these paths are served."""
    loaded = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0] or "text/plain"
            etag = f'"{sha256(content).hexdigest()[:32]}"'
            loaded[path.relative_to(_FOLDER).as_posix()] = File(content, kind, etag)  # the worker adds the charset
    return loaded


@bp.route(route="portal", methods=_METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def portal(req: func.HttpRequest) -> func.HttpResponse:
    """Return the start page."""
    return _served(req, _INDEX)


@bp.route(route="portal/{*path}", methods=_METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def portal_file(req: func.HttpRequest) -> func.HttpResponse:
    """Return a file of the portal."""
    path = req.route_params.get("path", "").strip("/")
    if not path:  # names in the page are relative to the address without the slash
        return func.HttpResponse(
            status_code=HTTPStatus.PERMANENT_REDIRECT, headers={**_HEADERS, "Location": "../portal"}
        )
    return _served(req, path)


def _served(req: func.HttpRequest, path: str) -> func.HttpResponse:
    file = files().get(path)
    if file is None:
        return func.HttpResponse("File not found.", status_code=HTTPStatus.NOT_FOUND, headers=_HEADERS)
    headers = {**_HEADERS, "Cache-Control": _CACHE, "ETag": file.etag}
    cached = {tag.strip().removeprefix("W/") for tag in (req.headers.get("if-none-match") or "").split(",")}
    if file.etag in cached:
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return func.HttpResponse(file.content, mimetype=file.mimetype, headers=headers)
