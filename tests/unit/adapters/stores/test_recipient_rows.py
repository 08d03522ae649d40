"""Recipients as rows."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.stores.recipient_rows import FULL_ROW, RowEncoder, recipient_of, row_of
from shared.adapters.tables.edm import encode
from shared.domain.ids import MAIN, ConnectionId, ObjectId, RecipientId
from shared.domain.recipient import TEXT_FIELDS, Origin, Profile, Recipient, Status
from tests.support.ids import OBJECT_IDS

TEXT = st.none() | st.text(st.sampled_from('a"\\/ é漢\u2028😀'), min_size=1, max_size=6)
HALF = "\ud800"
PROFILES = st.builds(
    Profile, display_name=TEXT, mail=TEXT, manager_name=TEXT, aliases=st.sampled_from([(), ("a@b",), ("a@b", "c@d")])
)


@st.composite
def recipients(draw: st.DrawFn) -> Recipient:
    """Return somebody of any kind; mostly what the directory said last is what is stored, the same object or not."""
    profile = draw(PROFILES)
    number = draw(st.integers(0, 9))
    return Recipient(
        id=RecipientId(draw(st.sampled_from(["csv-1", "é:1", f"{number:08x}-0000-4000-8000-000000000000"]))),
        origin=draw(st.sampled_from(Origin)),
        status=draw(st.sampled_from(Status)),
        profile=profile,
        object_id=draw(st.none() | OBJECT_IDS),
        connection=draw(st.sampled_from([None, MAIN])),
        last_applied=draw(st.sampled_from([profile, msgspec.structs.replace(profile), None]) | PROFILES),
        reason=draw(TEXT),
        groups=tuple(draw(st.lists(OBJECT_IDS, max_size=3))),
    )


@given(st.lists(recipients(), max_size=4), st.sampled_from(["contoso:desk", 'é"']))
def test_a_batch_is_encoded_as_each_row_is(batch: list[Recipient], partition: str) -> None:
    """For one partition, and then for another one."""
    encoder = RowEncoder()
    for place in (partition, f"{partition}2"):
        rows = encoder.rows(place, batch)
        assert [json.loads(row.content) for row in rows] == [
            json.loads(encode(row_of(place, write))) for write in batch
        ]
        assert [(row.partition, row.key) for row in rows] == [
            (told["PartitionKey"], told["RowKey"]) for told in (row_of(place, write) for write in batch)
        ]
        assert [recipient_of(msgspec.json.decode(row.content, type=FULL_ROW)) for row in rows] == batch


def test_every_field_has_its_place() -> None:
    """A profile in which no two texts are the same is what it was, and so is what the directory said last."""
    full = Profile(**{name: name for name in TEXT_FIELDS}, aliases=("one@b", "two@b"))
    said = msgspec.structs.replace(full, **{name: f"{name}, once" for name in TEXT_FIELDS})
    for applied in (full, said, None):
        who = Recipient(
            id=RecipientId("csv-1"),
            origin=Origin.CSV,
            status=Status.DEACTIVATED_MANUALLY,
            profile=full,
            object_id=ObjectId("the object"),
            connection=ConnectionId("the-connection"),
            last_applied=applied,
            reason="the reason",
            groups=(ObjectId("g 1"), ObjectId("g/2")),
        )
        (row,) = RowEncoder().rows("contoso:desk", [who])
        assert json.loads(row.content) == json.loads(encode(row_of("contoso:desk", who)))
        assert recipient_of(msgspec.json.decode(row.content, type=FULL_ROW)) == who


def test_half_a_surrogate_pair_is_kept() -> None:
    """It cannot be written as UTF-8, only as an escape."""
    odd = Profile(display_name=f"a{HALF}")
    who = Recipient(id=RecipientId("csv-1"), origin=Origin.CSV, status=Status.ACTIVE, profile=odd, last_applied=odd)
    (row,) = RowEncoder().rows("contoso:desk", [who])
    assert json.loads(row.content)["displayName"] == f"a{HALF}"


def test_a_batch_that_begins_like_another_is_another() -> None:
    """It is who is in it that counts, not whom it begins with, nor how many."""
    first, second, third = (
        Recipient(id=RecipientId(name), origin=Origin.CSV, status=Status.ACTIVE, profile=Profile(display_name=name))
        for name in "abc"
    )
    changed = msgspec.structs.replace(first, profile=Profile(display_name="changed"))
    encoder = RowEncoder()
    reused = [first, second]
    encoder.rows("contoso:desk", reused)
    reused[1] = third
    for batch in (reused, [first, second], [first, third], [first], [changed], [first, second], []):
        rows = encoder.rows("contoso:desk", batch)
        assert [json.loads(row.content)["displayName"] for row in rows] == [
            write.profile.display_name for write in batch
        ]
