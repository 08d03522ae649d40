"""A customer's admin connects a directory alone, with every mistake that people make, and gets recipients."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from playwright.async_api import Route, expect

from infra.local.demo.simulator import Simulator
from infra.local.stack.local_stack import LocalStack
from shared.domain.retry_policy import NEW_CREDENTIAL, UNKNOWN_CREDENTIAL
from tests.e2e.portal.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SECRET_ID = "5f1c7e1e-4c0b-4b65-9f3b-0c8a4a3f1d10"


@dataclass(frozen=True)
class Mistake:
    """What is entered instead of the right values, and what the report then says is wrong."""

    entered: dict[str, str]
    said: str
    #: Whether it could be a new secret that is not known yet, so that the page would try again for minutes.
    passes: bool = False


def mistakes(right: dict[str, str]) -> list[Mistake]:
    """Return the wrong entries, each made on otherwise right ones."""
    return [
        Mistake({"tenantId": ""}, "The tenant ID is missing"),
        Mistake({"tenantId": "contoso"}, "The tenant ID is not valid"),
        Mistake({"tenantId": str(uuid4())}, "The tenant was not found"),
        Mistake({"tenantId": "common"}, "A placeholder was entered instead of a tenant ID"),
        Mistake({"clientId": "not-an-id"}, "The application (client) ID is not valid"),
        Mistake({"clientId": str(uuid4())}, "The application was not found in this tenant"),
        Mistake({"clientId": right["objectId"], "objectId": right["clientId"]}, "IDs are swapped"),
        Mistake({"objectId": right["clientId"]}, "Client ID and object ID are identical"),
        Mistake({"objectId": str(uuid4())}, "Wrong object ID"),
        Mistake({"clientSecret": ""}, "The client secret is missing"),
        Mistake({"clientSecret": SECRET_ID}, "The secret ID was entered instead of the secret"),
        Mistake({"clientSecret": "wrong~secret-value-0123456789"}, "The client secret is wrong", passes=True),
    ]


def _answering(status: int) -> Callable[[Route], Awaitable[None]]:
    async def answer(route: Route) -> None:
        await route.fulfill(status=status, body="")

    return answer


async def test_signing_in_with_microsoft_is_offered_only_where_it_works(visitor: Visitor, stack: LocalStack) -> None:
    """Without App Service Authentication its page does not exist, and the portal says so."""
    page, link = visitor.page, visitor.page.get_by_role("link", name="Sign in with Microsoft")
    await page.evaluate("sessionStorage.clear()")
    await page.goto(f"{stack.info['host']}/api/portal")
    await page.reload()
    await visitor.sees("Signing in with Microsoft is not set up")
    refusal = {"code": "not_signed_in", "detail": "You are not signed in."}
    await page.route("**/signed-in/me", lambda route: route.fulfill(status=401, json=refusal))
    for status, links in ((404, 0), (401, 1)):
        await page.unroute("**/.auth/me")
        await page.route("**/.auth/me", _answering(status))
        await page.reload()
        await visitor.sees("I operate this app")
        await expect(link).to_have_count(links)


async def test_every_mistake_is_named_and_can_be_corrected(
    visitor: Visitor, simulator: Simulator, stack: LocalStack
) -> None:
    """Twelve wrong entries one after the other, then missing consent, then right ones pasted untidily."""
    known = stack.info["directories"]["fabrikam"]
    right = {
        "tenantId": known["azure_tenant_id"],
        "clientId": known["application_id"],
        "objectId": known["object_id"],
        "clientSecret": known["client_secret"],
    }
    await visitor.press("Add tenant")
    await visitor.fill(name="Fabrikam Portal")
    await visitor.press("Add")
    await visitor.sees("Connect your directory")
    await visitor.look("connect-empty")
    await visitor.fill(signIn=f'  "{known["application_id"]}" ')
    for mistake in mistakes(right):
        await visitor.fill(**(right | mistake.entered))
        await visitor.press("Check and connect")
        if mistake.passes:
            await visitor.press("Stop trying")
        assert mistake.said in await visitor.failed_checks(), mistake
        await visitor.page.evaluate("document.querySelector('.report').remove()")
    await visitor.fill(**right)
    await simulator.call("POST", "/directories/fabrikam/roles", {"revoke": ["GroupMember.Read.All", "Group.Read.All"]})
    await visitor.press("Check and connect")
    assert "Group members cannot be read" in await visitor.failed_checks()
    await visitor.sees("Grant admin consent")
    await expect(visitor.page.locator(".checks .skip").first).to_have_css("position", "static")
    await visitor.look("connect-failed")
    await simulator.call("POST", "/directories/fabrikam/roles", {"grant": ["GroupMember.Read.All"]})
    address = f"https://entra.microsoft.com/#view/Overview/tenantId/{right['tenantId'].upper()}/"
    await visitor.fill(
        tenantId=address, clientId=f"{{{right['clientId']}}}", clientSecret=f" '{right['clientSecret']}' "
    )
    await visitor.press("Check and connect")
    await visitor.sees("The directory is connected.")
    await visitor.look("connect-passed")


async def test_a_secret_that_is_not_known_yet_is_tried_again(
    visitor: Visitor, simulator: Simulator, stack: LocalStack
) -> None:
    """The page says until when it tries by itself, and is connected once the login service knows the secret."""
    known = stack.info["directories"]["contoso"]
    await visitor.page.clock.install()
    await visitor.press("Add tenant")
    await visitor.fill(name="New Secret")
    await visitor.press("Add")
    await visitor.sees("Connect your directory")
    await visitor.fill(
        signIn=known["application_id"],
        tenantId=known["azure_tenant_id"],
        clientId=known["application_id"],
        objectId=known["object_id"],
        clientSecret=known["client_secret"],
    )
    unknown = {"path": "", "where": "login", "action": {"type": "aadsts", "code": 7000215}}
    await simulator.call("POST", "/faults", {**unknown, "count": NEW_CREDENTIAL.attempts})
    await visitor.press("Check and connect")
    await visitor.sees("Microsoft does not accept the credential yet")
    await visitor.look("connect-not-known-yet")
    await visitor.page.clock.run_for(round(UNKNOWN_CREDENTIAL.first_wait_s * 1_000))
    await visitor.sees("The directory is connected.")


async def test_swapped_ids_are_offered_swapped(visitor: Visitor, stack: LocalStack) -> None:
    """One press puts them right, and the check is made again."""
    known = stack.info["directories"]["contoso"]
    await visitor.press("Add tenant")
    await visitor.fill(name="Swapped")
    await visitor.press("Add")
    await visitor.sees("Connect your directory")
    await visitor.fill(signIn=known["application_id"], tenantId=known["azure_tenant_id"])
    await visitor.fill(
        clientId=known["object_id"], objectId=known["application_id"], clientSecret=known["client_secret"]
    )
    await visitor.press("Check and connect")
    await visitor.failed_checks()
    await visitor.press("Use these values")
    await visitor.sees("The directory is connected.")
