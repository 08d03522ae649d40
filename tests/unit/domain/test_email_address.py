"""Valid and invalid addresses, and what is removed around them."""

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.email_address import clean_address, is_address

#: Characters that addresses consist of, and some that they must not have.
LETTERS = st.text("abcZ09.-_+'@ ,;ßéü", max_size=12)


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com",
        "o'brien+parcels@mail.example.co",
        "ann@münchen.example",
        "ann@xn--mnchen-3ya.example",
        "用户@例え.example",
        "ann@host.local",
        "ann@a.test",
        "a" * 64 + "@example.com",
        "\u7528" * 21 + "@example.com",
    ],
)
def test_valid_addresses(text: str) -> None:
    """Also international ones, and those of domains for special use."""
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "ann",
            "ann at example.com",
            "ann@example",
            "ann@@example.com",
            "ann@exa mple.com",
            "@example.com",
            "ann@",
        ),
        *(
            "@example.com",
            ".ann@example.com",
            "a..b@example.com",
            "ann@-a.example",
            "ann@a_b.example",
            "a@b.example;c@d.example",
        ),
        *("ann@example.com\u200b", "ann@1.2.3.4", "x" * 250 + "@example.com", "x" * 240_000),
        *("a" * 65 + "@example.com", "\u7528" * 22 + "@example.com", "\ud800@example.com"),
        *("ann@" + "b" * 64 + ".com", "a@" + ".".join(["\u00fc" * 20] * 7) + ".example"),
    ],
    ids=lambda text: text[:30],
)
def test_invalid_addresses(text: str) -> None:
    """However long they are."""
    assert not is_address(text)


@given(LETTERS, LETTERS)
def test_the_fast_path_accepts_what_the_library_accepts(local: str, domain: str) -> None:
    """For every address it has the answer of the library."""
    text = f"{local}@{domain}.example"
    try:
        email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        assert not is_address(text)
    else:
        assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("mailto:ann@example.com", "MAILTO: ann@example.com?subject=x", "<ann@example.com>", "smtp:ann@example.com"),
        *("ann@example.com;", "ann@example.com.", "Ann Example <ann@example.com>;", "“ann@example.com”"),
        *("'ann@example.com'", "\u200eann@example.com\u200b", "«<mailto:ann@example.com>».", "„ann@example.com“,"),
        *(' "ann@example.com" ', "ann@example.com>", "Ann <ann@example.com"),
    ],
)
def test_decorations_are_removed(text: str) -> None:
    """In any combination."""
    assert clean_address(text) == "ann@example.com"


@pytest.mark.parametrize(
    "text", ["o\u2019brien@example.com", "'t.hart@example.com", "ann@example.com <ben@example.com> x"]
)
def test_what_belongs_to_an_address_stays(text: str) -> None:
    """And what cannot be understood."""
    assert clean_address(text) == text
