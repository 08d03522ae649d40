"""The service's real limits, each at its last good and its first bad value."""

import random
from typing import Any

import pytest

from shared.adapters.tables.limits import MAX_BATCH, MAX_BATCH_BYTES, require_entity
from shared.adapters.tables.packing import MAX_ROWS_BYTES, pack_rows
from shared.adapters.tables.transactions import compose
from shared.errors import Rejected


def _compose(operations: list[Any]) -> bytes:
    return compose("https://account.example", "Recipients", operations)


def row(partition: str = "p", key: str = "r", **properties: object) -> dict[str, Any]:
    """Return an entity."""
    return {"PartitionKey": partition, "RowKey": key, **properties}


@pytest.mark.parametrize(
    "entity",
    [
        row("p" * 512, "r" * 512),
        row(key="🧨" * 256),
        row(text="x" * 32_768, data=b"x" * 65_536),
        row(text="🧨" * 16_384),
        {**row(), **{f"n{number}": number for number in range(252)}},
        {**row(), **{f"p{number}": b"x" * 65_536 for number in range(15)}},
        row(flag=True, number=2**40, key_like="/\\#?"),
    ],
    ids=["keys", "emoji key", "properties", "emoji", "252 properties", "960 KiB", "types"],
)
def test_the_largest_entity_is_taken(entity: dict[str, Any]) -> None:
    """What the service takes is not refused."""
    require_entity(entity)
    _compose([("create", entity)])


@pytest.mark.parametrize(
    ("entity", "says"),
    [
        (row("p" * 513), "1026 bytes"),
        (row(key="🧨" * 257), "1028 bytes"),
        (row(text="x" * 32_769), "65538 bytes"),
        (row(data=b"x" * 65_537), "65537 bytes"),
        ({**row(), **{f"n{number}": number for number in range(253)}}, "253 properties"),
        ({**row(), **{f"p{number}": b"x" * 65_536 for number in range(16)}}, "1048576 bytes"),
    ],
    ids=["key", "emoji key", "text", "bytes", "253 properties", "1 MiB"],
)
def test_a_larger_entity_is_refused_with_its_size(entity: dict[str, Any], says: str) -> None:
    """One step more is refused, alone and in a batch, and the message names the size."""
    with pytest.raises(Rejected, match=says) as caught:
        require_entity(entity)
    assert caught.value.code == "entity_too_large"
    with pytest.raises(Rejected, match=says):
        _compose([("create", entity)])


@pytest.mark.parametrize("bad", ["/", "\\", "#", "?", "\x00", "\n", "\x1f", "\x7f", "\x9f"])
def test_keys_without_reserved_characters_only(bad: str) -> None:
    """A key with a character that the service forbids is refused; the emulator would answer 500."""
    for entity in (row(f"a{bad}b"), row(key=bad)):
        with pytest.raises(Rejected) as caught:
            require_entity(entity)
        assert caught.value.code == "invalid_key"


def test_a_batch_holds_100_operations() -> None:
    """The hundredth operation is taken, one more is not."""
    operations = [("create", row(key=str(number))) for number in range(MAX_BATCH)]
    _compose(operations)
    with pytest.raises(Rejected, match="101 operations"):
        _compose([*operations, ("delete", row(key="101"))])


def test_a_batch_holds_4_mib_of_its_request() -> None:
    """Bytes count as the base64 that they travel as, text as the UTF-8 of JSON."""
    large = {**row(), **{f"p{number}": b"x" * 65_536 for number in range(15)}}
    _compose([("create", large)] * 3)
    emoji = [("upsert", row(text="🧨" * 11_000), {"mode": "replace"})] * 98
    _compose(emoji[:90])
    for operations in ([("create", large)] * 4, emoji):
        with pytest.raises(Rejected, match=str(MAX_BATCH_BYTES)) as caught:
            _compose(operations)
        assert caught.value.code == "batch_too_large"


def test_the_largest_packed_value_fits_a_batch() -> None:
    """Every value that `pack_rows` accepts can be inserted at once."""
    parts = pack_rows(random.Random(3).randbytes(MAX_ROWS_BYTES - 2_000))
    _compose([("create", row("p" * 512, f"{'r' * 500}{number}", **part)) for number, part in enumerate(parts)])
