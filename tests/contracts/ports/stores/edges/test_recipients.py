"""Recipients and the fence under which they are written."""

from collections.abc import Sequence

import msgspec
import pytest

from shared.domain.ids import LocationId, RecipientId, TenantId
from shared.domain.recipient import Recipient
from shared.domain.reconcile.fence import Fence
from shared.domain.reconcile.write_batches import MAX_BATCH_RECIPIENTS
from shared.domain.versioned import Versioned
from shared.errors import Conflict, NotFound, Rejected
from tests.support.samples import LOCATION, Stores, journal, recipient


async def everyone(stores: Stores, tenant: TenantId, *, start: str = "") -> list[Recipient]:
    """Return what is stored at the lobby."""
    return [recipient async for recipient in stores.recipients.list_recipients(tenant, LOCATION, start=start)]


async def write(stores: Stores, tenant: TenantId, people: Sequence[Recipient], fence: Versioned[Fence]) -> str:
    """Write people with their journal."""
    return await stores.recipients.write(tenant, LOCATION, people, journal(*people), fence)


async def test_a_batch_of_99_is_refused(stores: Stores, tenant: TenantId) -> None:
    """One recipient more than a batch takes is refused whole."""
    people = [recipient(number) for number in range(MAX_BATCH_RECIPIENTS + 1)]
    with pytest.raises(Rejected) as caught:
        await write(stores, tenant, people, Versioned(Fence(attempt="a"), None))
    assert caught.value.code == "batch_too_large"
    assert await everyone(stores, tenant) == []


async def test_writes_chain_the_etag_of_the_fence(stores: Stores, tenant: TenantId) -> None:
    """The ETag that a write returns opens the next write; recipients are replaced, not merged."""
    one = recipient(1, department="Post", job_title="Lead")
    etag = await write(stores, tenant, [one], Versioned(Fence(attempt="a", operation=1), None))
    changed = recipient(1, department="Mail")
    etag = await write(stores, tenant, [changed, recipient(2)], Versioned(Fence(attempt="a", operation=2), etag))
    await write(stores, tenant, [], Versioned(Fence(attempt="a", operation=3), etag))
    assert await everyone(stores, tenant) == sorted([changed, recipient(2)], key=lambda each: each.id)


async def test_the_fence_alone_is_swapped_by_one_of_two(stores: Stores, tenant: TenantId) -> None:
    """Of two who read the same fence, fresh or stored, only the first one takes it."""
    first = await stores.recipients.replace_fence(tenant, LOCATION, Fence(fencing_token=1, attempt="a"), None)
    with pytest.raises(Conflict):
        await stores.recipients.replace_fence(tenant, LOCATION, Fence(fencing_token=1, attempt="b"), None)
    await stores.recipients.replace_fence(tenant, LOCATION, Fence(fencing_token=2, attempt="c"), first)
    with pytest.raises(Conflict):
        await stores.recipients.replace_fence(tenant, LOCATION, Fence(fencing_token=9, attempt="d"), first)
    assert (await stores.recipients.get_fence(tenant, LOCATION)).value == Fence(fencing_token=2, attempt="c")


async def test_a_fence_that_was_erased_is_a_conflict(stores: Stores, tenant: TenantId) -> None:
    """Who read the fence before the tenant was erased cannot write there."""
    etag = await write(stores, tenant, [recipient(1)], Versioned(Fence(attempt="a", operation=1), None))
    await stores.recipients.delete_all(tenant)
    with pytest.raises(Conflict):
        await write(stores, tenant, [recipient(2)], Versioned(Fence(attempt="a", operation=2), etag))
    with pytest.raises(Conflict):
        await stores.recipients.replace_fence(tenant, LOCATION, Fence(attempt="a"), etag)
    assert await everyone(stores, tenant) == []


async def test_recipients_of_other_locations_are_others(stores: Stores, tenant: TenantId) -> None:
    """A recipient is found at its own location only, also beside one with a similar id."""
    similar = LocationId(f"{LOCATION}-2")
    person = recipient(1)
    await stores.recipients.write(tenant, similar, [person], journal(person), Versioned(Fence(attempt="a"), None))
    assert await everyone(stores, tenant) == []
    assert (await stores.recipients.get_fence(tenant, LOCATION)).etag is None
    for where, who in ((LOCATION, person.id), (similar, RecipientId("nobody"))):
        with pytest.raises(NotFound) as caught:
            await stores.recipients.get(tenant, where, who)
        assert caught.value.code == "recipient_not_found"


async def test_more_recipients_than_a_page_of_a_query(stores: Stores, tenant: TenantId) -> None:
    """1,176 recipients, more than one answer of the service holds, are read each once and in order."""
    people = sorted((recipient(number) for number in range(12 * MAX_BATCH_RECIPIENTS)), key=lambda each: each.id)
    etag: str | None = None
    for batch in range(12):
        part = people[batch * MAX_BATCH_RECIPIENTS : (batch + 1) * MAX_BATCH_RECIPIENTS]
        etag = await write(stores, tenant, part, Versioned(Fence(attempt="a", operation=batch), etag))
    assert await everyone(stores, tenant) == people
    assert await everyone(stores, tenant, start=people[1_100].id) == people[1_100:]
    replaced = msgspec.structs.replace(people[0], profile=msgspec.structs.replace(people[0].profile, mail=None))
    await write(stores, tenant, [replaced], Versioned(Fence(attempt="a", operation=99), etag))
    assert (await everyone(stores, tenant))[0] == replaced
