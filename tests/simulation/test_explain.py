"""Why somebody is, or is not, a recipient."""

from typing import Any

import msgspec
import pytest

from shared.domain.directory import InactiveReason
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.preferences.filters import Attribute, AttributeFilter
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.recipient import Status
from shared.errors import NeedsAttention, NotFound, Rejected
from shared.workflows.recipients.explain import Answer
from tests.simulation.worlds import FULL, LEADS, STAFF, full_world, groups_world
from tests.support.builders import person, recipient_id_for, user
from tests.support.world import World

CONTOSO, FABRIKAM = TenantId("contoso"), TenantId("fabrikam")


async def reasons(world: World, tenant: TenantId, text: str) -> dict[str, tuple[bool, str]]:
    """Return for each location whether the person is a recipient there, and the reason."""
    answer = await world.app.explain(tenant, text)
    assert all(location.detail.endswith((".", ")")) for location in answer.locations)
    return {location.location: (location.is_recipient, location.reason) for location in answer.locations}


@pytest.mark.parametrize(
    "text", ["user1@example.com", "USER1@EXAMPLE.COM", person(1), person(1).upper(), " user1@example.com "]
)
async def test_somebody_is_found_by_whatever_people_know(text: str) -> None:
    """Address, user principal name or object id, in any case."""
    world = await full_world()
    run = await world.sync("contoso", "first")
    answer = await world.app.explain(CONTOSO, text)
    assert answer.user is not None
    assert (answer.user.object_id, answer.in_directory, answer.others) == (person(1), True, ())
    assert {location.run for location in answer.locations} == {run.id}
    assert await reasons(world, CONTOSO, text) == {"berlin": (True, "in_directory"), "munich": (True, "in_directory")}


async def test_the_groups_that_put_somebody_somewhere_are_named() -> None:
    """By id, also through nested ones; and where none does, that is the reason."""
    world = await groups_world()
    await world.sync("fabrikam", "first")
    answer: Answer = await world.app.explain(FABRIKAM, person(25))
    found = {location.location: location.groups for location in answer.locations}
    assert found[LocationId("paris")] == (LEADS,)
    assert found[LocationId("berlin")] == (STAFF,)
    ways = {location.location: [[step.id for step in way] for way in location.paths] for location in answer.locations}
    assert ways == {"berlin": [[STAFF, LEADS]], "munich": [[STAFF, LEADS]], "paris": [[LEADS]]}
    assert await reasons(world, FABRIKAM, person(24)) == {
        "berlin": (False, "left_group"),
        "munich": (True, "in_group"),
        "paris": (False, "left_group"),
    }


async def test_before_the_first_sync() -> None:
    """Nothing was read, so nothing is claimed."""
    world = await full_world()
    assert set((await reasons(world, CONTOSO, person(1))).values()) == {(False, "not_read_yet")}


@pytest.mark.parametrize(
    ("changes", "preferences", "reason"),
    [
        ({"inactive": InactiveReason.DISABLED}, {}, "account_disabled"),
        ({"guest": True}, {"include_guests": False}, "guest_excluded"),
        ({"mail": None, "user_principal_name": "x#EXT#@contoso.com"}, {"require_mail": True}, "no_email"),
        (
            {"department": "IT"},
            {"filters": (AttributeFilter(attribute=Attribute("department"), values=("IT",), keep=False),)},
            "filtered",
        ),
    ],
)
async def test_who_is_kept_out_is_told_why(changes: dict[str, Any], preferences: dict[str, Any], reason: str) -> None:
    """Somebody who never was a recipient."""
    world = World()
    chosen = Preferences(mode=Mode.FULL, **preferences)
    await world.tenant("contoso", [user(1), user(2, **changes)], chosen, {"desk": []})
    await world.sync("contoso", "first")
    assert await reasons(world, CONTOSO, person(2)) == {"desk": (False, reason)}


async def test_who_left_is_told_why() -> None:
    """The reason with which they were deactivated, also if the directory has forgotten them."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().remove(person(1))
    world.directory().put(user(2, inactive=InactiveReason.DISABLED))
    await world.sync("contoso", "second")
    assert set((await reasons(world, CONTOSO, person(1))).values()) == {(False, "account_deleted")}
    assert set((await reasons(world, CONTOSO, "user1@example.com")).values()) == {(False, "account_deleted")}
    assert set((await reasons(world, CONTOSO, person(2))).values()) == {(False, "account_disabled")}
    nobody = await world.app.explain(CONTOSO, "nobody@example.com")
    assert (nobody.user, nobody.in_directory) == (None, False)
    assert {location.reason for location in nobody.locations} == {"account_deleted"}


async def test_who_came_since_the_last_sync_is_told_to_wait() -> None:
    """The directory has them, the last read has not."""
    world = await full_world()
    await world.sync("contoso", "first")
    world.directory().put(user(40))
    assert set((await reasons(world, CONTOSO, person(40))).values()) == {(False, "not_synced_yet")}


async def test_without_the_directory_the_last_read_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says that nobody could be asked."""
    world = await full_world()
    await world.sync("contoso", "first")

    async def refused(*_: object) -> None:
        raise NeedsAttention("not allowed", code="Authorization_RequestDenied")

    monkeypatch.setattr(world.directory(), "find_users", refused)
    answer = await world.app.explain(CONTOSO, "user1@example.com")
    assert (answer.in_directory, answer.user is not None) == (None, True)
    assert {location.is_recipient for location in answer.locations} == {True}


async def test_a_deleted_person_is_found_by_id_in_any_case() -> None:
    """Only the recipient is left of them, whose id is a hash of the directory's id."""
    someone, world = ObjectId("0a1b2c3d-0000-4000-8000-00000000beef"), await full_world()
    world.directory().put(msgspec.structs.replace(user(1), id=someone, mail="beef@example.com"))
    await world.sync("contoso", "first")
    world.directory().remove(someone)
    await world.sync("contoso", "second")
    answer = await world.app.explain(CONTOSO, someone.upper())
    assert {(location.status, location.reason) for location in answer.locations} == {
        (Status.DEACTIVATED_BY_SYNC, "account_deleted")
    }


async def test_who_was_deactivated_by_hand_and_who_came_by_file() -> None:
    """Neither is a matter of the directory."""
    world = await full_world()
    await world.sync("contoso", "first")
    berlin = LocationId("berlin")
    await world.app.edit_recipient(CONTOSO, berlin, recipient_id_for(1), {}, active=False, by="api")
    found = (await world.app.explain(CONTOSO, person(1))).locations
    assert [(each.status, each.reason) for each in found] == [
        (Status.DEACTIVATED_MANUALLY, "deactivated_manually"),
        (Status.ACTIVE, "in_directory"),
    ]


async def test_two_who_could_be_meant_are_both_named() -> None:
    """One is explained, by the smaller id; the others are told."""
    world = World()
    await world.tenant("contoso", [user(1, mail="post@x.com"), user(2, mail="POST@x.com")], FULL, {"desk": []})
    await world.sync("contoso", "first")
    answer = await world.app.explain(CONTOSO, "post@x.com")
    assert answer.user is not None
    assert (answer.user.object_id, answer.others) == (person(1), (person(2),))


async def test_nobody_is_explained_without_words() -> None:
    """And nobody of a tenant that is not there."""
    world = await full_world()
    with pytest.raises(Rejected):
        await world.app.explain(CONTOSO, "  ")
    with pytest.raises(NotFound):
        await world.app.explain(TenantId("nobody"), "x")
