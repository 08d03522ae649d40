"""What protects people's browsers: headers of every answer, and the origin of requests that a cookie signs in."""

import msgspec
import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.callers import Person
from shared.errors import Forbidden
from shared.settings import SignInSettings
from shared.triggers.http.framework import browser
from tests.support.builders import person
from tests.support.fakes import FakeSignIn
from tests.support.http.calling import MODULES, Client, Route
from tests.support.world import SETTINGS

HOME = person(900)
PATH = "signed-in/tenants/contoso"
BEARER = {"Authorization": "Bearer operator"}
COOKIE = {**BEARER, "Cookie": "AppServiceAuthSession=x"}


@pytest.fixture
async def signed_in(ports: Ports, routes: list[Route], monkeypatch: pytest.MonkeyPatch) -> Client:
    """The API for an operator, at https://app.example and https://portal.example."""
    sign_in = SignInSettings(audience=person(999), operator_tenant=HOME, easy_auth=False, login="https://login.example")
    changes = {"sign_in": sign_in, "portal_origins": ("https://portal.example",)}
    product = App(ports, msgspec.structs.replace(SETTINGS, **changes))
    for module in MODULES:
        monkeypatch.setattr(module, "app", lambda: product)
    assert isinstance(ports.sign_in, FakeSignIn)
    ports.sign_in.people["operator"] = Person(azure_tenant_id=HOME, object_id=person(1), roles=frozenset({"Operator"}))
    return Client(routes)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "health", 200),
        ("GET", "openapi.json", 200),
        ("PUT", "tenants/contoso", 400),
        ("GET", "tenants/nothing", 404),
        ("GET", "signed-in/me", 401),
    ],
)
async def test_every_answer_has_the_headers(api: Client, method: str, path: str, status: int) -> None:
    """Errors, too."""
    answer = await api(method, path)
    assert answer.status == status
    for header, value in browser.API_HEADERS.items():
        assert answer.headers[header] == value


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "http://evil.example", "null", "https://app.example.evil.example",
        "https://app.example:444", "https://portal.example:8443", "http://portal.example", "https://", "https://[",
        "https://app.example:x", "", "app.example",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_a_foreign_origin_is_refused(signed_in: Client, origin: str, method: str) -> None:
    """With a cookie, whatever the method is and although the browser sends no Sec-Fetch-Site."""
    answer = await signed_in(method, PATH, {"name": "x"}, headers={**COOKIE, "Origin": origin})
    assert (answer.status, answer.body["code"]) == (403, "cross_site")
    # Easy Auth may remove its cookie: what has no bearer token counts as signed in by a cookie.
    with pytest.raises(Forbidden):
        browser.require_own_page(f"https://app.example/api/{PATH}", {"origin": origin}, ())


@pytest.mark.parametrize("origin", ["https://app.example", "https://app.example:443", "https://portal.example"])
async def test_the_portals_own_origins_are_accepted(signed_in: Client, origin: str) -> None:
    """The app's own, and those that the setting names."""
    answer = await signed_in("PUT", PATH, {"name": "x"}, headers={**COOKIE, "Origin": origin})
    assert answer.status == 201


async def test_the_host_that_the_browser_named_is_the_apps_own(signed_in: Client) -> None:
    """For a custom domain, and for a page whose policy makes a browser conceal its origin."""
    for headers in (
        {"Host": "recipients.contoso.example", "Origin": "https://recipients.contoso.example"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ):
        assert (await signed_in("PUT", PATH, {"name": "x"}, headers={**COOKIE, **headers})).status in {200, 201}


async def test_calls_without_a_cookie_are_not_affected(signed_in: Client) -> None:
    """A page of another website has no bearer token and no key to send, so a browser may say what it likes of it."""
    for foreign in (
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ):
        answer = await signed_in("PUT", PATH, {"name": "x"}, headers={**BEARER, **foreign})
        assert answer.status in {200, 201}
        keyed = {**foreign, "x-functions-key": "k"}
        assert (await signed_in("PUT", "tenants/contoso", {"name": "y"}, headers=keyed)).status == 200


async def test_a_named_origin_may_be_another_site(signed_in: Client) -> None:
    """A portal of its own domain sends its requests to the app as another site; without its origin it is unknown."""
    site = {**COOKIE, "Sec-Fetch-Site": "cross-site"}
    named = {**site, "Origin": "https://portal.example"}
    assert (await signed_in("PUT", PATH, {"name": "x"}, headers=named)).status == 201
    for headers in (site, {**site, "Origin": "https://app.example"}, {**site, "Origin": "null"}):
        answer = await signed_in("PUT", PATH, {"name": "y"}, headers=headers)
        assert (answer.status, answer.body["code"]) == (403, "cross_site")
