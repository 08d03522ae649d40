"""The portal's files: served from memory, cached by content, and nothing else beside them."""

import pytest

from shared.triggers.http import portal
from tests.integration.http.calling import Client


async def test_the_page_and_its_files(api: Client) -> None:
    """With their kind, under a policy that allows only files of our own."""
    page = await api("GET", "portal")
    assert (page.status, page.mimetype) == (200, "text/html; charset=utf-8")
    assert page.text == (await api("GET", "portal/index.html")).text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    script = await api("GET", "portal/app.js")
    assert (script.status, script.mimetype) == (200, "text/javascript; charset=utf-8")


async def test_what_a_browser_has_is_not_sent_again(api: Client) -> None:
    """304 for the same content, also among others and marked as weak; 200 for anything else."""
    etag = (await api("GET", "portal/style.css")).headers["ETag"]
    for known, status in ((etag, 304), (f'"other", W/{etag}', 304), ('"other"', 200), ("", 200)):
        reply = await api("GET", "portal/style.css", headers={"if-none-match": known})
        assert (reply.status, reply.headers["ETag"]) == (status, etag)


@pytest.mark.parametrize("path", ["nothing.js", "../telemetry.py", "..%2f..%2fhost.json", "views/../../settings.py"])
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
