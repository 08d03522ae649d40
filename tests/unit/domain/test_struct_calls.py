"""Constructors that are generated from field names."""

import msgspec
import pytest

from shared.domain.struct_calls import compile_constructor


class Point(msgspec.Struct):
    """Two numbers."""

    x: int
    y: int = 0


def test_values_reach_the_fields_they_are_meant_for() -> None:
    """The order in which they are given does not matter."""
    swapped = compile_constructor(Point, "point, more", {"y": "point.x", "x": "plus(point.y, more)"}, plus=int.__add__)
    assert swapped(Point(1, 2), 10) == Point(12, 1)


@pytest.mark.parametrize("values", [{"x": "1"}, {"x": "1", "y": "2", "z": "3"}])
def test_a_field_cannot_be_forgotten(values: dict[str, str]) -> None:
    """Neither one that the struct has, nor one that it no longer has."""
    with pytest.raises(ValueError, match=r"do not match its fields: [yz]"):
        compile_constructor(Point, "", values)
