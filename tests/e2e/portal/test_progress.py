"""Work that takes longer than a moment shows how far it is: searches of large locations, and uploads."""

import asyncio

import pytest
from playwright.async_api import FilePayload, Route, expect

from infra.local.demo.api import Api
from infra.local.stack.local_stack import LocalStack
from tests.e2e.portal.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TENANT = "progress"
#: One row more than an import inside a request accepts.
ROWS = 5_001


async def test_a_search_says_how_far_it_has_looked(visitor: Visitor, stack: LocalStack) -> None:
    """A list without matches says so only at the end, and a list that does not grow keeps the focus."""
    async with Api(stack.info) as api:
        await api.onboard(TENANT, directory="contoso", preferences={"mode": "groups"}, locations=["desk"])
    ada = {"id": "r1", "displayName": "Ada Byron", "mail": None, "department": None, "objectId": None}
    ada |= {"origin": "csv", "status": "active", "reason": None}
    goes_on = asyncio.Event()
    pages = [([ada], "b"), ([], "c"), ([], None), ([], "b"), ([], None)]

    async def answer(route: Route) -> None:
        if len(pages) == 3:
            await goes_on.wait()
        recipients, cursor = pages.pop(0)
        await route.fulfill(
            json={"recipients": recipients, "searched": 5_000, "complete": cursor is None, "cursor": cursor}
        )

    await visitor.page.route("**/recipients?*", answer)
    await visitor.open(TENANT, "recipients", "Recipients")
    await visitor.sees("Searching: looked at 10,000 recipients so far")
    edit = visitor.page.locator("fluent-button", has_text="Edit")
    await edit.focus()
    goes_on.set()
    await expect(visitor.page.locator(".waiting")).to_have_count(0)
    await expect(edit).to_be_focused()
    await visitor.page.get_by_label("Search recipients").fill("nothing like it")
    await visitor.sees("No matches.")


async def test_a_large_file_is_uploaded_in_parts(visitor: Visitor, stack: LocalStack) -> None:
    """The dialog says what to wait for, and closes when the file is imported."""
    async with Api(stack.info) as api:
        await api.onboard(TENANT, directory="contoso", preferences={"mode": "groups"}, locations=["desk"])
    rows = "".join(f"Person {number},p{number}@large.example\n" for number in range(ROWS))
    goes_on = asyncio.Event()

    async def hold(route: Route) -> None:
        await goes_on.wait()
        await route.continue_()

    await visitor.page.route("**/parts/*", hold)
    await visitor.open(TENANT, "recipients", "Recipients")
    await visitor.press("Import CSV")
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=f"Name,E-mail\n{rows}".encode())
    await visitor.page.set_input_files("[name=file]", [file])
    await visitor.press("Preview")
    await visitor.sees("This file is too large for a preview.")
    await visitor.press("Import")
    await visitor.sees("Uploading part 1 of 1. Keep this window open.")
    await visitor.look("import-upload")
    goes_on.set()
    await expect(visitor.page.locator("dialog")).to_have_count(0, timeout=60_000)
    await visitor.page.get_by_label("Search recipients").fill(f"p{ROWS - 1}@large.example")
    await expect(visitor.page.locator("tbody tr")).to_have_count(1)
