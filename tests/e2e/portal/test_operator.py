"""What an operator sees: failed messages, events and the emergency stop."""

import contextlib
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient
from playwright.async_api import expect

from infra.local.demo.api import Api
from infra.local.stack.local_stack import LocalStack
from tests.e2e.portal.visitor import Visitor
from tests.e2e.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_failed_message_is_put_back_or_discarded(visitor: Visitor, stack: LocalStack) -> None:
    """The operator sees what it was and why it failed, and is rid of it."""
    with QueueClient.from_connection_string(stack.info["connection_string"], "sync-requests") as queue:
        with contextlib.suppress(ResourceExistsError):
            queue.create_queue()
        queue.send_message("this is not a tenant!")
    async with Api(stack.info) as api:
        (entry,) = await until(lambda: _entries(api, "this is not a tenant!"))
    await visitor.page.goto(f"{stack.info['host']}/api/portal#/messages")
    await visitor.sees("Failed messages")
    await visitor.page.get_by_text("Message", exact=True).first.click()
    await visitor.sees("this is not a tenant!")
    await visitor.look("messages")
    await visitor.press_of(f"Discard {entry['id']}")
    await expect(visitor.page.get_by_text("this is not a tenant!")).to_have_count(0)


async def _entries(api: Api, body: str) -> list[dict[str, Any]]:
    return [entry for entry in (await api.call("GET", "/ledger"))["entries"] if entry.get("body") == body]


async def test_a_pause_is_shown(visitor: Visitor, stack: LocalStack) -> None:
    """The banner says what is paused, and disappears with the pause. Its record is not a message to retry."""
    async with Api(stack.info) as api:
        await api.onboard("paused", directory="contoso", preferences={"mode": "full"}, locations=["desk"])
        banner = visitor.page.locator("#banner .notice")
        await api.call("POST", "/tenants/paused/pause")
        await visitor.open("paused", "fetch", "Fetch directory")
        await expect(banner).to_contain_text("This tenant is paused")
        await visitor.look("paused")
        try:
            await api.call("POST", "/pause")
            await visitor.open("paused", "history", "History")
            await expect(banner).to_contain_text("All tenants are paused")
        finally:
            await api.call("POST", "/resume")
        await api.call("POST", "/tenants/paused/resume")
        await visitor.open("paused", "locations", "Locations and groups")
        await expect(banner).to_have_count(0)
    await visitor.page.goto(f"{stack.info['host']}/api/portal#/messages")
    card = visitor.page.locator(".card", has_text="of tenant paused was paused").first
    await expect(card.locator("fluent-button", has_text="Discard")).to_be_visible()
    await expect(card.locator("fluent-button", has_text="Retry")).to_have_count(0)
