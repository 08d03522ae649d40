"""The portal's files: served from memory, cached by content, and nothing else beside them."""

import azure.functions as func
import pytest
from azure.functions.http import HttpResponseConverter

from shared.triggers.http import portal
from shared.triggers.http.framework import browser
from tests.support.http.calling import Client


async def test_the_page_and_its_files(api: Client) -> None:
    """With their kind, under a policy that allows only files of our own."""
    page = await api("GET", "portal")
    assert (page.status, page.mimetype) == (200, "text/html")
    assert page.text == (await api("GET", "portal/index.html")).text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    for header, value in browser.HEADERS.items():
        assert page.headers[header] == value
    script = await api("GET", "portal/app.js")
    assert (script.status, script.mimetype) == (200, "text/javascript")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_the_charset_is_named_once(path: str, content_type: str) -> None:
    """As the worker encodes the answer, which adds the charset to text itself."""
    answer = await portal.portal_file.build().get_user_function()(
        func.HttpRequest(method="GET", url="/", route_params={"path": path}, body=b"")
    )
    encoded = HttpResponseConverter.encode(answer, expected_type=None)
    assert encoded.value["headers"]["content-type"].value == content_type


@pytest.mark.parametrize("path", ["health", "health/live", "health/ready", "openapi.json", "portal", "portal/app.js"])
async def test_head_answers_like_get(api: Client, path: str) -> None:
    """Where no sign-in is needed; monitors and link checkers ask so."""
    head, get = await api("HEAD", path), await api("GET", path)
    assert (head.status, head.mimetype, head.headers) == (200, get.mimetype, get.headers)


async def test_what_a_browser_has_is_not_sent_again(api: Client) -> None:
    """304 for the same content, also among others and marked as weak; 200 for anything else."""
    etag = (await api("GET", "portal/style.css")).headers["ETag"]
    for known, status in ((etag, 304), (f'"other", W/{etag}', 304), ('"other"', 200), ("", 200)):
        reply = await api("GET", "portal/style.css", headers={"if-none-match": known})
        assert (reply.status, reply.headers["ETag"]) == (status, etag)


@pytest.mark.parametrize(
    "path", ["nothing.js", "../telemetry/events.py", "..%2f..%2fhost.json", "views/../../settings.py"]
)
async def test_no_other_file_is_served(api: Client, path: str) -> None:
    """A path that is no file of the portal leads nowhere."""
    assert (await api("GET", f"portal/{path}")).status == 404


def test_nothing_is_loaded_from_elsewhere() -> None:
    """Neither scripts inline nor addresses of others, which the policy would refuse anyway."""
    page = portal.files()["index.html"].content.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert "https://" not in page
    assert all("src=" in tag for tag in page.split("<script")[1:])
