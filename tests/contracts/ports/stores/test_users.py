"""What holds of any UserStore."""

from datetime import UTC, datetime

import msgspec

from shared.domain.access.sso_users import ProductUser, Role
from tests.contracts.ports.stores.conftest import Stores
from tests.support.builders import person
from tests.support.ids import HOSTILE

ADA = ProductUser(
    object_id=person(1),
    mail="ada@example.com",
    display_name=None,
    role=Role.MAILROOM,
    created_at=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    created_by="operator",
)


async def test_who_is_a_user_already_stays_as_they_are(stores: Stores) -> None:
    """The first wins, and is what both are told."""
    again = msgspec.structs.replace(ADA, role=Role.ADMINISTRATOR)
    assert await stores.users.insert(stores.acme, ADA) == ADA
    assert await stores.users.insert(stores.acme, again) == ADA
    assert list(await stores.users.list_users(stores.acme)) == [ADA]


async def test_users_are_of_one_tenant(stores: Stores) -> None:
    """A tenant whose id begins alike neither sees them nor loses its own."""
    grace = msgspec.structs.replace(ADA, object_id=person(2))
    await stores.users.insert(stores.acme, ADA)
    await stores.users.insert(stores.acme_2, grace)
    await stores.users.delete_all(stores.acme)
    assert list(await stores.users.list_users(stores.acme)) == []
    assert list(await stores.users.list_users(stores.acme_2)) == [grace]


async def test_any_text_is_the_id_of_a_user(stores: Stores) -> None:
    """Ids that differ in case or contain what keys forbid are users of their own, listed by id."""
    users = [msgspec.structs.replace(ADA, object_id=who) for who in HOSTILE]
    for user in users:
        assert await stores.users.insert(stores.acme, user) == user
    assert list(await stores.users.list_users(stores.acme)) == sorted(users, key=lambda user: user.object_id)
    assert list(await stores.users.list_users(stores.acme_2)) == []
