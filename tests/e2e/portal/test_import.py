"""Imports in the portal whose columns have to be chosen, or whose people look like existing ones."""

import pytest
from playwright.async_api import FilePayload, expect

from infra.local.demo.api import Api
from infra.local.stack.local_stack import LocalStack
from tests.e2e.portal.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TENANT = "files"


async def choose(visitor: Visitor, content: str) -> None:
    """Open the dialog with a file."""
    await visitor.open(TENANT, "recipients", "Recipients")
    await visitor.press("Import CSV")
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=content.encode())
    await visitor.page.set_input_files("[name=file]", [file])


async def test_columns_are_chosen_and_remembered(visitor: Visitor, stack: LocalStack) -> None:
    """A file without a known column is corrected in the dialog; the next one needs nothing, until it is forgotten."""
    async with Api(stack.info) as api:
        await api.onboard(TENANT, directory="contoso", preferences={"mode": "groups"}, locations=["desk"])
    await choose(visitor, "Wer;Wohin;Schuhgröße\nAnn Lee;ann@example.com;42\n")
    await visitor.press("Preview")
    await visitor.sees("no column for a name")
    await visitor.page.get_by_label("Column Wer", exact=True).select_option("displayName")
    await visitor.page.get_by_label("Column Wohin", exact=True).select_option("mail")
    await visitor.sees("You have changed the columns.")
    await visitor.press("Preview")
    await visitor.sees("1 would be added")
    await visitor.look("import-columns")
    await visitor.press("Import")
    await expect(visitor.page.locator("dialog")).to_have_count(0)
    await visitor.sees("Ann Lee")

    await choose(visitor, "Wer;Wohin;Schuhgröße\nBen Roe;ben@example.com;43\n")
    await visitor.sees("Columns chosen for earlier files")
    await visitor.press("Preview")
    await visitor.sees("1 would be added")
    await visitor.look("import-remembered")
    await visitor.press("Forget these choices")
    await expect(visitor.page.get_by_text("Columns chosen for earlier files")).to_have_count(0)
    await visitor.press("Preview")
    await visitor.sees("no column for a name")


async def test_look_alikes_are_confirmed(visitor: Visitor, stack: LocalStack) -> None:
    """The preview warns; the first press writes nothing, the second imports."""
    names = [f"Person {number} Example" for number in range(12)]
    async with Api(stack.info) as api:
        await api.onboard(TENANT, directory="contoso", preferences={"mode": "groups"}, locations=["desk"])
    old = "".join(f"{name},p{number}@old.example\n" for number, name in enumerate(names))
    await choose(visitor, f"Name,E-mail\n{old}")
    await visitor.press("Import")
    await expect(visitor.page.locator("dialog")).to_have_count(0)
    await choose(visitor, f"Name,E-mail\n{old.replace('old.', 'new.')}")
    await visitor.press("Preview")
    await visitor.sees("12 new people look like existing recipients.")
    await visitor.look("import-look-alikes")
    await visitor.press("Import")
    await visitor.sees("Nothing was imported.")
    await visitor.press("Import")
    await expect(visitor.page.locator("dialog")).to_have_count(0)
    await visitor.page.get_by_label("Search recipients").fill("@new.example")
    await visitor.sees("p11@new.example")
