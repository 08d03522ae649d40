"""Short ways to build the values that tests talk about."""

import msgspec

from shared.domain.access.callers import BackEnd
from shared.domain.directory import DirectoryUser
from shared.domain.ids import MAIN, ConnectionId, ObjectId, RecipientId, SourceId, TenantId, recipient_id_of
from shared.domain.recipient import Origin, Profile, Recipient, Status
from shared.domain.snapshots.page import encode_page
from shared.domain.snapshots.snapshot import SnapshotDigest, SnapshotManifest
from shared.domain.snapshots.verification import CompleteSnapshot
from shared.ports.snapshots import SnapshotStore

#: Who calls, where it does not matter.
BACK_END = BackEnd()


def person(number: int) -> ObjectId:
    """Return the object id of the n-th person."""
    return ObjectId(f"00000000-0000-4000-8000-{number:012d}")


def recipient_id_for(number: int, connection: ConnectionId = MAIN) -> RecipientId:
    """Return the id of the recipient that a directory makes of the n-th person."""
    return recipient_id_of(connection, person(number))


def user(number: int, **fields: object) -> DirectoryUser:
    """Return the n-th directory user, with an address and a name."""
    values: dict[str, object] = {
        "user_principal_name": f"user{number}@example.com",
        "display_name": f"User {number}",
        "mail": f"user{number}@example.com",
    }
    return DirectoryUser(person(number), **{**values, **fields})  # type: ignore[arg-type]


def desired(*users: DirectoryUser) -> dict[ObjectId, DirectoryUser]:
    """Return users as the decision takes them."""
    return {user.id: user for user in users}


def snapshot(source: str, *users: DirectoryUser, conclusive: bool = True) -> CompleteSnapshot:
    """Return a complete snapshot with exactly these users."""
    page = encode_page(users)
    ref = SnapshotManifest(
        source=SourceId(source), attempt="a", digest=SnapshotDigest(conclusive=conclusive).add(page, users)
    )
    return CompleteSnapshot.verified(ref, [page])


async def loaded(store: SnapshotStore, tenant: TenantId, ref: SnapshotManifest) -> CompleteSnapshot:
    """Return a snapshot that is stored. Raises: Conflict if its pages are not all there, unchanged."""
    return CompleteSnapshot.verified(ref, [page async for page in store.list_pages(tenant, ref)])


def csv_recipient(name: str, *, mail: str | None = None, status: Status = Status.ACTIVE, **fields: str) -> Recipient:
    """Return a recipient that a CSV file created and no sync has touched."""
    profile = msgspec.structs.replace(Profile(display_name=name, mail=mail), **fields)
    return Recipient(id=RecipientId(name), origin=Origin.CSV, status=status, profile=profile)
