"""Ids that a directory gives its people and groups: any text, and none that reaches where it does not belong."""

from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.stores import keys
from shared.domain.directory import Source
from shared.domain.ids import (
    ConnectionId,
    LocationId,
    ObjectId,
    RunId,
    SourceId,
    TenantId,
    recipient_id,
    recipient_id_of,
    source_id,
)
from tests.support.ids import OBJECT_IDS

CONNECTIONS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True).map(ConnectionId)
TENANT, HALL = TenantId("contoso"), LocationId("hall")
#: Not allowed in a key of Table Storage.
FORBIDDEN = frozenset("/\\#?")


def sources_of_group(connection: ConnectionId, group: ObjectId) -> list[SourceId]:
    """Return the two sources that a group can be."""
    return [Source(connection=connection, group=group, transitive=deep).id for deep in (True, False)]


@given(CONNECTIONS, OBJECT_IDS, CONNECTIONS, OBJECT_IDS)
def test_two_people_are_one_recipient_only_if_they_are_one(
    connection: ConnectionId, person: ObjectId, other: ConnectionId, another: ObjectId
) -> None:
    """The same connection and the same text, to the last character; and its id is one that the API takes."""
    same = (connection, person) == (other, another)
    assert (recipient_id_of(connection, person) == recipient_id_of(other, another)) is same
    assert recipient_id(recipient_id_of(connection, person)) == recipient_id_of(connection, person)


@given(CONNECTIONS, OBJECT_IDS, CONNECTIONS, OBJECT_IDS)
def test_two_groups_are_one_source_only_if_they_are_one(
    connection: ConnectionId, group: ObjectId, other: ConnectionId, another: ObjectId
) -> None:
    """A source names its connection and how deep it is read; none is the whole directory."""
    same = (connection, group) == (other, another)
    ours, theirs = sources_of_group(connection, group), sources_of_group(other, another)
    assert (ours == theirs) is same
    assert len({*ours, Source(connection=connection).id}) == 3
    assert all(source_id(source) == source for source in ours)


@given(CONNECTIONS, OBJECT_IDS)
def test_no_id_leaves_its_tenant_or_location(connection: ConnectionId, name: ObjectId) -> None:
    """Every key that an id becomes part of is short, plain, and within the ranges that are read and deleted."""
    first, behind = keys.tenant_range(TENANT)
    row = keys.recipient(recipient_id_of(connection, name))
    assert keys.RECIPIENTS[0] < row < keys.RECIPIENTS[1]
    built = [row]
    for source in sources_of_group(connection, name):
        assert first < keys.source(TENANT, source) < behind
        assert keys.fetched(source).removeprefix(keys.FETCHED[0]) == source
        built += [keys.source(TENANT, source), keys.fetched(source), keys.checkpoint(source)]
        assert not keys.is_more(keys.fetched(source))
    for key in built:
        assert key.isascii()
        assert len(key) <= 200
        assert not FORBIDDEN & set(key)
    assert not first < keys.location(TenantId("contoso-2"), HALL) < behind
    assert not first < keys.run(TenantId("contos"), RunId("r")) < behind
