"""What a recipient may contain, and what its row looks like to an operator."""

import itertools
from typing import Any

import msgspec
import pytest

from shared.adapters.entra.user_mapping import MAX_ALIASES
from shared.adapters.stores import Tables
from shared.adapters.stores.table_names import RECIPIENTS
from shared.domain.ids import RecipientId, TenantId
from shared.domain.recipient import TEXT_FIELDS, Origin, Profile, Recipient, Status
from shared.domain.reconcile.fence import Fence
from shared.domain.reconcile.provenance import MAX_GROUPS
from shared.domain.versioned import Versioned
from tests.support.builders import csv_recipient, person, recipient_id_for
from tests.support.samples import LOCATION, Stores, journal, recipient

HOSTILE = (
    "' or PartitionKey ne '",
    '"; DROP TABLE Recipients; --',
    '=HYPERLINK("https://evil.example")',
    "/\\#?%2F%00&+ :;",
    "line\r\nbreak\ttab",
    "Zoë 👩🏽‍🚀 \U0001d518\U0001d52b\U0001d526 \u202egnol",
    "e\u0301 is not é",
    " spaces around ",
    "--batch_00000000-0000-0000-0000-000000000000--",
    "<xml>&amp;]]>",
    "12345",
    "true",
    "2026-11-23T08:00:00Z",
    "00000000-0000-4000-8000-000000000001",
    "x" * 1_024,
    "👩" * 512,
)


async def stored(stores: Stores, tenant: TenantId, *people: Recipient) -> list[Recipient]:
    """Write people in one batch and return what is read back."""
    await stores.recipients.write(tenant, LOCATION, people, journal(*people), Versioned(Fence(attempt="a"), None))
    return [recipient async for recipient in stores.recipients.list_recipients(tenant, LOCATION)]


async def test_hostile_text_comes_back_as_it_was(stores: Stores, tenant: TenantId) -> None:
    """Quotes, breaks, emoji, text that looks like another type, and 1,024 characters are kept to the letter."""
    people = [recipient(number, department=text, office_location=text) for number, text in enumerate(HOSTILE)]
    people.sort(key=lambda each: each.id)
    assert await stored(stores, tenant, *people) == people


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's advice above 1 MiB
async def test_every_field_full_in_a_whole_batch(stores: Stores, tenant: TenantId) -> None:
    """98 recipients of fields of 1,024 characters, with as much applied, stay within what a batch takes."""
    full = msgspec.structs.replace(Profile(), **{name: name[0] * 1_024 for name in TEXT_FIELDS})
    other = msgspec.structs.replace(Profile(), **{name: name[-1] * 1_024 for name in TEXT_FIELDS})
    people = [
        Recipient(
            id=RecipientId(f"r{number:03d}"), origin=Origin.CSV, status=Status.ACTIVE, profile=full, last_applied=other
        )
        for number in range(98)
    ]
    assert await stored(stores, tenant, *people) == people


async def test_aliases_and_groups_come_back_in_their_order(stores: Stores, tenant: TenantId) -> None:
    """None, one, and as many as are ever kept; also where other aliases were applied than are there."""
    many = tuple(f"{'a' * 300}{number:02d}@example.com" for number in range(MAX_ALIASES))
    groups = tuple(person(number) for number in range(MAX_GROUPS))
    profiles = [Profile(), Profile(aliases=("a@example.com",)), Profile(aliases=many)]
    people = [
        Recipient(
            id=RecipientId(f"r{number}"),
            origin=Origin.DIRECTORY,
            status=Status.ACTIVE,
            profile=profile,
            last_applied=profiles[0],
            groups=groups[: number * MAX_GROUPS],
        )
        for number, profile in enumerate(profiles)
    ]
    assert await stored(stores, tenant, *people) == people


async def test_any_recipient_id_is_a_key(stores: Stores, tenant: TenantId) -> None:
    """Ids of 128 characters, of dots and underscores, and ids that differ only in case, are different people."""
    ids = ["a", "A", "a.b_c-d", "...", "_", "x" * 128]
    people = [csv_recipient(id_) for id_ in sorted(ids)]
    assert await stored(stores, tenant, *people) == people


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("origin", Origin)
async def test_every_kind_of_recipient(stores: Stores, tenant: TenantId, origin: Origin, status: Status) -> None:
    """With and without object id and reason, applied nothing, the same or something else: all come back the same."""
    profile = Profile(display_name="Ann", mail="ann@example.com")
    applied = (None, profile, Profile(), msgspec.structs.replace(profile, mail=None))
    choices = itertools.product((None, person(1)), (None, "left_group"), applied, (profile, Profile()))
    people = [
        Recipient(
            id=RecipientId(f"r{number:03d}"),
            origin=origin,
            status=status,
            profile=shown,
            object_id=who,
            last_applied=said,
            reason=reason,
        )
        for number, (who, reason, said, shown) in enumerate(choices)
    ]
    assert await stored(stores, tenant, *people) == people


async def test_a_row_is_readable(azurite_stores: Stores, tables: Tables, tenant: TenantId) -> None:
    """An operator sees a property per known field; what was applied shows only where it differs."""
    same = recipient(1, job_title="Lead")
    differs = msgspec.structs.replace(same, id=RecipientId("b"), last_applied=Profile(display_name="Ann"), reason="why")
    await stored(azurite_stores, tenant, same, differs)
    one, two = await _rows(tables, tenant)
    shown = {
        "PartitionKey": f"{tenant}:lobby",
        "RowKey": f"r:{recipient_id_for(1)}",
        "displayName": "User 1",
        "mail": "user1@example.com",
        "jobTitle": "Lead",
        "origin": "directory",
        "status": "active",
        "objectId": person(1),
        "connection": "main",
    }
    assert one == shown
    assert two == {**shown, "RowKey": "r:b", "lastApplied": '{"displayName":"Ann"}', "reason": "why"}


async def test_the_same_people_make_the_same_rows(azurite_stores: Stores, tables: Tables, tenant: TenantId) -> None:
    """Two runs that find the same people leave rows that are the same but for their timestamps."""
    people = [recipient(1), csv_recipient("x")]
    await stored(azurite_stores, tenant, *people)
    before = await _rows(tables, tenant)
    fence = await azurite_stores.recipients.get_fence(tenant, LOCATION)
    again = Versioned(Fence(fencing_token=9, attempt="other", operation=5), fence.etag)
    await azurite_stores.recipients.write(tenant, LOCATION, people[::-1], journal(*people), again)
    assert await _rows(tables, tenant) == before


async def _rows(tables: Tables, tenant: TenantId) -> list[dict[str, Any]]:
    """Return the recipients' rows as they are stored; the SDK keeps timestamps and ETags apart."""
    return [dict(row) async for row in tables.query(RECIPIENTS, partition=f"{tenant}:{LOCATION}", rows=("r:", "r;"))]
