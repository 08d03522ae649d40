"""Short ways to build the values that tests talk about."""

import msgspec

from shared.domain.access.callers import BackEnd
from shared.domain.directory import DirectoryUser
from shared.domain.ids import MAIN, ConnectionId, ObjectId, RecipientId, SourceId, TenantId, recipient_id_of
from shared.domain.recipient import Origin, Profile, Recipient, Status
from shared.domain.snapshots.snapshot import SnapshotBody, SnapshotManifest, encode_partition
from shared.domain.snapshots.verification import CompleteSnapshot
from shared.ports.snapshots import SnapshotStore
from shared.workflows.snapshots.reader import stored_partitions

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
    body, content = body_of(source, *users, conclusive=conclusive)
    return CompleteSnapshot.verified(body, 0, content)


def body_of(source: str, *users: DirectoryUser, conclusive: bool = True) -> tuple[SnapshotBody, bytes]:
    """Return the body of a snapshot with one partition, and the content of this."""
    partition, content = encode_partition(desired(*users), "a")
    manifest = SnapshotManifest(source=SourceId(source), attempt="a", conclusive=conclusive)
    return SnapshotBody.of(manifest, [partition]), content


async def store_snapshot(
    store: SnapshotStore, tenant: TenantId, attempt: str, *users: DirectoryUser, source: SourceId, count: int = 1
) -> SnapshotManifest:
    """Store a snapshot with `count` partitions, all of them written by one attempt, and return its manifest."""
    parts = [
        encode_partition(dict(part.users), attempt) for part in snapshot(source, *users).divided(range(count), count)
    ]
    manifest = SnapshotManifest(source=source, attempt=attempt, change_cursor="https://graph.example/delta")
    body = SnapshotBody.of(manifest, [partition for partition, _ in parts])
    rows = {partition.key(number): content for number, (partition, content) in enumerate(parts)}
    await store.put(tenant, source, {**rows, body.manifest.body_key: body.content})
    return body.manifest


def directory_recipient(person: ObjectId, profile: Profile, groups: tuple[ObjectId, ...] = ()) -> Recipient:
    """Return the recipient that a first sync creates."""
    return Recipient(
        id=recipient_id_of(MAIN, person),
        origin=Origin.DIRECTORY,
        status=Status.ACTIVE,
        profile=profile,
        object_id=person,
        connection=MAIN,
        last_applied=profile,
        groups=groups,
    )


async def loaded(store: SnapshotStore, tenant: TenantId, manifest: SnapshotManifest) -> dict[ObjectId, DirectoryUser]:
    """Return the users of a stored snapshot. Raises SnapshotIncomplete if it is not all there, unchanged."""
    parts = stored_partitions(store, tenant, manifest)
    return {person: user async for part in parts for person, user in part.users.items()}


def csv_recipient(name: str, *, mail: str | None = None, status: Status = Status.ACTIVE, **fields: str) -> Recipient:
    """Return a recipient that a CSV file created and no sync has touched."""
    profile = msgspec.structs.replace(Profile(display_name=name, mail=mail), **fields)
    return Recipient(id=RecipientId(name), origin=Origin.CSV, status=status, profile=profile)
