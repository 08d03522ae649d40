"""Texts that mean the same, and how they are searched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.text import address_key, comparison_key, has_control_characters, search_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zoë", "ZOE\u0308"),
        ("Straße", "STRASSE"),
        ("Ann  Example", " ann example"),
        ("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u0639\u0644\u06cc\u0631\u0636\u0627"),
        ("\u200eAnn\u200f", "Ann"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    ],
)
def test_texts_that_mean_the_same(one: str, other: str) -> None:
    """In any case and composition, with other spaces and invisible characters."""
    assert comparison_key(one) == comparison_key(other)


def test_addresses_that_mean_the_same() -> None:
    """`ß` and `ss` are different domains."""
    assert address_key("ANN@Example.COM") == address_key("ann@example.com")
    assert address_key("zoe\u0301@MÜNCHEN.example\u200b") == address_key("ZOÉ@münchen.example")
    assert address_key("ann@straße.example") != address_key("ann@strasse.example")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Zoë", "zoe"),
        ("Zoe", "zoë"),
        ("Müller", "MULLER"),
        ("Łukasz", "lukasz"),
        ("Straße", "strasse"),
        ("Søren", "soren"),
    ],
)
def test_search_ignores_accents(text: str, word: str) -> None:
    """In the text and in what is searched."""
    assert search_key(word) in search_key(text)


@pytest.mark.parametrize("accents", ["\u0301\u0327" * 100_000, "\u0301" * 100_000 + "\u0327" * 100_000])
def test_a_text_longer_than_any_name_is_compared_unchanged(accents: str) -> None:
    """To sort its accents would take minutes."""
    text = f"ANN  {accents}"
    assert comparison_key(text) == search_key(text) == f"ann {accents}"
    assert address_key(text) == f"ann  {accents}"


@given(st.text() | st.text(alphabet=" \u200baZ\u0301\u0327\u00e9", min_size=300, max_size=400))
def test_keys_are_stable(text: str) -> None:
    """The key of a key is the key."""
    for key in (comparison_key, address_key, search_key):
        assert key(key(text)) == key(text)


@pytest.mark.parametrize("text", ["👩\u200d💻", "\U00031350", "\u200e+49", "ශ්\u200dරී", "a\u2028b"])
def test_invisible_characters_are_legitimate(text: str) -> None:
    """Control characters are not."""
    assert not has_control_characters(text)
    assert has_control_characters(f"{text}\x07")
