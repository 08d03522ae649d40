"""Every view of the portal, used as it is meant: locations, sync, recipients, users, history."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from infra.local.demo.api import Api
from infra.local.demo.simulator import Simulator
from infra.local.stack.local_stack import LocalStack
from tests.e2e.portal.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TENANT = "views"


async def test_from_locations_to_a_sync(visitor: Visitor, simulator: Simulator, stack: LocalStack) -> None:
    """Two locations, a group that is found by its id, a sync whose result survives a reload."""
    async with Api(stack.info) as api:
        await api.onboard(TENANT, directory="contoso", preferences={"mode": "groups"}, locations=[])
    group = (await simulator.call("GET", "/directories/contoso"))["groups"][0]
    await visitor.open(TENANT, "locations", "Locations and groups")
    await visitor.sees("No locations yet.")
    for name in ("Berlin HQ", "Munich"):
        await visitor.press("Add location")
        await visitor.fill(name=name)
        await visitor.page.press("[name=name]", "Enter")
        await visitor.sees(name)
    await visitor.press_of("Edit groups of Berlin HQ")
    await visitor.fill(group=group["id"])
    await visitor.press_of(f"Add {group['displayName']}")
    await visitor.look("group-picker")
    await visitor.press("Save")
    await expect(visitor.page.locator("dialog")).to_have_count(0)
    await visitor.sees(group["displayName"])
    await visitor.look("locations")

    await visitor.open(TENANT, "fetch", "Fetch directory")
    await visitor.press("Fetch directory")
    await visitor.sees_badge("Done")
    await visitor.page.reload()
    await visitor.sees_badge("Done")
    await visitor.look("fetch-done")


async def test_properties_that_were_cleared_are_accepted(
    visitor: Visitor, simulator: Simulator, stack: LocalStack
) -> None:
    """The report names what everyone has lost; one button accepts it, and the sync that it starts is followed."""
    async with Api(stack.info) as api:
        await api.onboard("clears", directory="contoso", preferences={"mode": "full"}, locations=["desk"])
        await api.finished("clears", await api.sync("clears"))
        assert any("department" in each for each in await api.recipients("clears", "desk"))
        await simulator.call("PATCH", "/settings", {"withheld": ["department"]})
        try:
            run = await api.finished("clears", await api.sync("clears", "full"))
            assert [problem["code"] for problem in run["problems"]] == ["properties_withheld"]
            await visitor.open("clears", "fetch", "Fetch directory")
            await visitor.sees("a value that people had: department")
            await visitor.look("fetch-withheld")
            await visitor.press("Accept as cleared")
            await visitor.sees_badge("Done")
        finally:
            await simulator.call("PATCH", "/settings", {"withheld": []})
        assert not any(each.get("department") for each in await api.recipients("clears", "desk"))


async def test_a_group_that_was_refused_for_a_week_is_unmapped(visitor: Visitor, stack: LocalStack) -> None:
    """Its dialog starts a preview, or the sync itself, and both are followed."""
    async with Api(stack.info) as api:
        await api.onboard("unmaps", directory="contoso", preferences={"mode": "groups"}, locations=["desk"])
        run = await api.finished("unmaps", await api.sync("unmaps"))
    group = {"id": "5", "displayName": "Old team", "transitive": True, "members": 3, "canBeUnmapped": True}
    group |= {"problem": {"detail": "The group is refused."}, "refusedSince": "2026-11-01T08:00:00Z"}
    places = {"locations": [{"id": "desk", "name": "Desk", "groups": [group]}]}
    sent: list[object] = []

    async def start(route: Route) -> None:
        sent.append(route.request.post_data_json)
        await route.fulfill(status=202, json=run)

    await visitor.page.route("**/tenants/unmaps/mapping", lambda route: route.fulfill(json=places))
    await visitor.page.route("**/tenants/unmaps/unmapped-groups", start)
    for label in ("Preview", "Unmap"):
        await visitor.open("unmaps", "locations", "Locations and groups")
        await visitor.sees("Not read since")
        await visitor.press_of("Unmap Old team")
        await visitor.look("unmap-dialog")
        await visitor.press(label)
        await visitor.sees_badge("Done")
    assert sent == [{"group": "5", "preview": True}, {"group": "5", "preview": False}]


async def test_recipients_are_explained_edited_imported_and_undone(
    visitor: Visitor, stack: LocalStack, csv_file: Path
) -> None:
    """Each as it says, and in the history."""
    async with Api(stack.info) as api:
        await api.onboard("people", directory="contoso", preferences={"mode": "full"}, locations=["desk"])
        await api.finished("people", await api.sync("people"))
    await visitor.open("people", "recipients", "Recipients")
    await visitor.look("recipients")
    first = visitor.page.locator("tbody tr").first
    await first.locator("fluent-button", has_text="Why?").click()
    await visitor.sees("All users of the directory are recipients")
    await visitor.look("explain")
    await visitor.press("Close")
    await first.locator("fluent-button", has_text="Edit").click()
    await visitor.fill(department="Post room")
    await visitor.look("edit")
    await visitor.press("Save")
    await visitor.sees("Post room")
    await expect(visitor.page.locator("dialog")).to_have_count(0)
    await visitor.press("Import CSV")
    await visitor.page.set_input_files("[name=file]", csv_file)
    await visitor.press("Preview")
    await visitor.sees("2 would be added")
    await visitor.look("import")
    await visitor.press("Import")
    await visitor.sees("Ada Byron")
    async with visitor.page.expect_download() as download:
        await visitor.press("Export CSV")
    saved = await (await download.value).path()
    assert "ada@example.com" in saved.read_text("utf-8-sig")

    await visitor.open("people", "history", "History")
    await visitor.look("history")
    await visitor.page.locator("tbody tr", has_text="CSV import").get_by_role("link").click()
    await visitor.press("Undo")
    await visitor.press("Undo")
    await visitor.sees("Undone")
    await visitor.look("history-run")


async def test_preferences_are_previewed_and_saved(visitor: Visitor, stack: LocalStack) -> None:
    """The fan-out is said in numbers before anything is saved; the filter's tester answers; saved is saved."""
    async with Api(stack.info) as api:
        await api.onboard(
            "prefers", directory="contoso", preferences={"mode": "groups"}, locations=["berlin", "munich"]
        )
    await visitor.open("prefers", "preferences", "Preferences")
    await visitor.page.get_by_label("All users at all locations").check()
    await visitor.press("Preview changes")
    await visitor.sees("200 recipients at 2 locations")
    await visitor.fill(domains="contoso.com\n*.contoso.com", tester="anna@mail.contoso.com")
    await visitor.press("Test")
    await visitor.sees("anna@mail.contoso.com is allowed.")
    await visitor.fill(tester="anna@fabrikam.com")
    await visitor.press("Test")
    await visitor.sees("anna@fabrikam.com is not allowed.")
    await visitor.look("preferences")
    await visitor.press("Save")
    await visitor.sees("Changes apply from the next sync.")
    async with Api(stack.info) as api:
        kept = await api.call("GET", "/tenants/prefers/preferences")
    assert (kept["mode"], kept["ssoFilter"]["domains"]) == ("full", ["contoso.com", "*.contoso.com"])


async def test_a_held_run_is_shown_and_approved(visitor: Visitor, simulator: Simulator, stack: LocalStack) -> None:
    """With the people whose deactivation waits; approved, they are deactivated."""
    directory = "portalheld"
    known = await simulator.found(directory, users=30)
    async with Api(stack.info) as api:
        await api.onboard("held", directory=known, preferences={"mode": "full"}, locations=["desk"])
        await api.finished("held", await api.sync("held"))
        for person in await simulator.people(directory, 25):
            await simulator.leave(directory, person)
    await visitor.open("held", "fetch", "Fetch directory")
    await visitor.press("Fetch directory")
    await visitor.sees("Pending deactivations")
    await expect(visitor.page.locator("tbody tr")).to_have_count(25)
    await visitor.look("held")
    await visitor.press("Approve")
    await visitor.sees("25 deactivated")


async def test_who_may_sign_in_is_made_a_user(visitor: Visitor, simulator: Simulator, stack: LocalStack) -> None:
    """With a role that somebody chooses, and the reason where it is not possible."""
    directory = "portalusers"
    known = await simulator.found(directory, users=10)
    people = await simulator.people(directory, 3)
    await simulator.call("POST", f"/directories/{directory}/roles", {"grant": ["Application.Read.All"]})
    await simulator.call("PATCH", f"/directories/{directory}/application", {"assign_users": people})
    await simulator.change(directory, people[1], displayName="Grace Hopper", accountEnabled=True)
    await simulator.change(directory, people[2], accountEnabled=False)
    async with Api(stack.info) as api:
        await api.onboard("signins", directory=known, preferences={"ssoUsers": True}, locations=[])
        await api.call("PUT", "/tenants/signins/sso", {"clientId": known["sso"]["application_id"]})
    await visitor.open("signins", "users", "SSO users")
    await visitor.sees("Account disabled")
    await visitor.press_of("Create user Grace Hopper")
    await visitor.page.select_option("[name=role]", "mailroom")
    await visitor.press("Create user")
    await visitor.sees("Users")
    await visitor.sees("Mailroom")
    await visitor.look("users")


async def test_disconnecting_says_what_goes_and_what_stays(visitor: Visitor, stack: LocalStack) -> None:
    """Before and after; afterwards the view asks for everything again."""
    async with Api(stack.info) as api:
        await api.onboard("leaving", directory="contoso", preferences={}, locations=["desk"])
    await visitor.open("leaving", "connect", "Directory connection")
    await visitor.look("connected")
    await visitor.press("Disconnect")
    await visitor.sees("Erased immediately")
    await visitor.look("disconnect")
    await visitor.press("Disconnect")
    await visitor.sees("The directory is disconnected")
    await visitor.press("Close")
    await visitor.sees("Connect your directory")


async def test_the_overview_lists_searches_and_links(visitor: Visitor, stack: LocalStack) -> None:
    """Every tenant with how it is."""
    async with Api(stack.info) as api:
        await api.call("PUT", "/tenants/zebra", {"name": "Zebra Logistics"})
    await visitor.page.goto(f"{stack.info['host']}/api/portal#/")
    await visitor.page.reload()
    await visitor.sees("Zebra Logistics")
    await visitor.look("overview")
    await visitor.page.get_by_label("Search tenants").fill("zebra")
    await expect(visitor.page.locator("tbody tr")).to_have_count(1)
    await visitor.page.get_by_role("link", name="Zebra Logistics").click()
    await expect(visitor.page).to_have_url(re.compile("#/t/zebra/"))


async def test_a_name_is_not_markup(visitor: Visitor, stack: LocalStack) -> None:
    """It is shown as it was entered."""
    name = "<img src=x onerror=document.title='run'>"
    async with Api(stack.info) as api:
        await api.call("PUT", "/tenants/yak", {"name": name})
    await visitor.page.goto(f"{stack.info['host']}/api/portal#/")
    await visitor.page.reload()
    await visitor.sees(name)
    await expect(visitor.page.locator("img[src=x]")).to_have_count(0)
    await visitor.page.get_by_role("link", name=name).click()
    await visitor.sees("Connect your directory")
    await expect(visitor.page.locator("img[src=x]")).to_have_count(0)


async def test_the_audit_log_says_what_was_done(visitor: Visitor, stack: LocalStack) -> None:
    """An admin sees who changed what, and with which result."""
    async with Api(stack.info) as api:
        await api.call("PUT", "/tenants/audited", {"name": "Audited"})
        await api.call("PUT", "/tenants/audited/locations/desk", {"name": "Desk"})
    await visitor.open("audited", "audit", "Audit log")
    await visitor.sees("Location desk")
    await visitor.sees_badge("Done")
    await visitor.look("audit")
