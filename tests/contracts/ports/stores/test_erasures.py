"""What holds of erasures of people in storage."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

import msgspec
import pytest

from shared.adapters.stores import TableErasureStore, TableOperatorLog, TableUserStore
from shared.domain.access.sso_users import ProductUser, Role
from shared.domain.erasure.erasure import Erasure, ErasureState
from shared.domain.erasure.person import Identifier, Person
from shared.domain.ids import TenantId
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.versioned import Versioned
from shared.errors import Conflict, NotFound
from shared.ports.erasures import ErasureStore
from shared.ports.operations import OperatorLog
from shared.ports.tenants import UserStore
from tests.contracts.ports.stores.conftest import ON_TABLES, tables_of
from tests.support.builders import person

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ZOE = ProductUser(
    object_id=person(1),
    mail="zoe.canary@example.com",
    display_name="Zoe Canary",
    role=Role.VIEWER,
    created_at=NOW,
    created_by="api",
)


class Stores(NamedTuple):
    """The store, and two whose rows name people."""

    erasures: ErasureStore
    users: UserStore
    operator_log: OperatorLog


@pytest.fixture(params=ON_TABLES)
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    """The stores on tables in memory or in Azurite."""
    async with tables_of(request) as tables:
        yield Stores(TableErasureStore(tables), TableUserStore(tables), TableOperatorLog(tables))


@pytest.fixture
def acme() -> TenantId:
    """A tenant of the test's own: Azurite is shared by the session."""
    return TenantId(f"t{uuid4().hex[:12]}")


def erasure(tenant: TenantId, name: str = "e1") -> Erasure:
    """Return an erasure that has just been requested."""
    zoe = Person.of(Identifier.MAIL, ZOE.mail)
    return Erasure(id=name, tenant=tenant, at=NOW, by="api", identifier=Identifier.MAIL, person=zoe)


async def test_an_erasure_is_replaced_under_its_etag(stores: Stores, acme: TenantId) -> None:
    """An id is used once; the list of all tenants has those that have not ended, that of a tenant has all."""
    with pytest.raises(NotFound):
        await stores.erasures.get(acme, "e1")
    first = erasure(acme)
    etag = await stores.erasures.replace(first, None)
    with pytest.raises(Conflict):
        await stores.erasures.replace(first, None)
    assert await stores.erasures.get(acme, "e1") == Versioned(first, etag)
    ended = first.ended(ErasureState.DONE, NOW)
    await stores.erasures.replace(ended, etag)
    with pytest.raises(Conflict):
        await stores.erasures.replace(first, etag)
    second = erasure(acme, "e2")
    await stores.erasures.replace(second, None)
    assert [one async for one in stores.erasures.list_erasures(acme)] == [ended, second]
    assert [one async for one in stores.erasures.list_erasures() if one.tenant == acme] == [second]


async def test_a_person_is_found_and_erased_once(stores: Stores, acme: TenantId) -> None:
    """Another person, and the same person at another tenant, stay."""
    other = msgspec.structs.replace(ZOE, object_id=person(2), mail="max@example.com", display_name="Max Muster")
    neighbour = TenantId(f"{acme}-2")
    for tenant, one in ((acme, ZOE), (acme, other), (neighbour, ZOE)):
        await stores.users.insert(tenant, one)
    detail = f"Nothing could be read of {ZOE.mail}."
    entry = OperatorLogEntry(
        id=f"e-{acme}", at=NOW, queue="fetch-jobs", code="unreadable", detail=detail, body="", tenant=acme
    )
    await stores.operator_log.record(entry)
    found, after = await stores.erasures.find(acme, erasure(acme).person, None)
    assert (set(found.object_ids), found.names, after) == ({ZOE.object_id}, frozenset({ZOE.display_name}), None)
    step = await stores.erasures.erase(acme, found, None)
    assert (step.after, sum(step.erased.values())) == (None, 2)
    assert await stores.users.list_users(acme) == [other]
    assert await stores.users.list_users(neighbour) == [ZOE]
    (left,) = await stores.operator_log.list_by_id(entry.id)
    assert left.value.detail == "Nothing could be read of erased."
    again = await stores.erasures.erase(acme, found, None)
    assert sum(again.erased.values()) == 0
