"""Values as compressed binary properties, of one row or several."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.tables.limits import require_entity
from shared.adapters.tables.packing import (
    MAX_ROW_BYTES,
    MAX_ROWS_BYTES,
    join,
    pack,
    pack_rows,
    split,
    unpack,
    unpack_rows,
)
from shared.errors import Rejected

NOISE = random.Random(5).randbytes(MAX_ROWS_BYTES + 1)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, MAX_ROW_BYTES - 1, MAX_ROW_BYTES])
def test_bytes_are_cut_at_64_kib(size: int) -> None:
    """Whatever their number, bytes come back, in properties of at most 64 KiB, in a row that the service takes."""
    properties = split(NOISE[:size])
    assert join(properties) == NOISE[:size]
    assert all(0 < len(value) <= 65_536 for value in properties.values())
    require_entity({"PartitionKey": "p", "RowKey": "r", **properties})


def test_too_many_bytes_for_a_row_are_refused_with_their_number() -> None:
    """One byte more than a row holds is refused, and the message says how many there were."""
    with pytest.raises(Rejected, match=f"{MAX_ROW_BYTES + 1} bytes.*{MAX_ROW_BYTES}") as caught:
        split(NOISE[: MAX_ROW_BYTES + 1])
    assert caught.value.code == "entity_too_large"
    with pytest.raises(Rejected):
        pack(NOISE[: MAX_ROW_BYTES + 1])


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.integers(-(2**63), 2**63), st.text(), st.binary())))
def test_values_come_back(value: dict[str, object]) -> None:
    """What was packed is unpacked the same."""
    assert unpack(pack(value), dict[str, object]) == value


def test_columns_beside_a_value_do_no_harm() -> None:
    """Keys, counts and columns of other names are not taken for parts of the value."""
    assert unpack({"PartitionKey": "p", "created": 3, "page": b"x", "p": b"y", **pack([1, 2])}, list[int]) == [1, 2]


@pytest.mark.parametrize(
    ("size", "rows"), [(10, 1), (MAX_ROW_BYTES - 1_000, 1), (MAX_ROW_BYTES + 1_000, 2), (3_000_000, 5)]
)
def test_a_large_value_takes_as_many_rows_as_it_needs(size: int, rows: int) -> None:
    """A value that fits one row has one; a larger one comes back from several."""
    parts = pack_rows(NOISE[:size])
    assert len(parts) == rows
    assert unpack_rows(parts, bytes) == NOISE[:size]


def test_too_large_for_a_batch_of_rows_is_refused_with_its_size() -> None:
    """More than one batch can insert is refused."""
    with pytest.raises(Rejected, match=f"one batch of rows holds {MAX_ROWS_BYTES}") as caught:
        pack_rows(NOISE)
    assert caught.value.code == "entity_too_large"


def test_equal_values_make_equal_bytes() -> None:
    """Packing is deterministic, so that rows can be compared."""
    assert pack({"a": 1, "b": "x" * 1_000}) == pack({"a": 1, "b": "x" * 1_000})
