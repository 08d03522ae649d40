"""Whose e-mail address passes."""

import pytest

from shared.domain.preferences.email_filter import MAX_ENTRIES, MAX_FOREIGN, EmailFilter
from shared.errors import Rejected


@pytest.mark.parametrize(
    ("domains", "address", "accepted"),
    [
        (["example.com"], "ada@example.com", True),
        (["example.com"], "Ada@EXAMPLE.Com", True),
        ([" Example.COM "], "ada@example.com", True),
        (["example.com"], "ada@mail.example.com", False),
        (["example.com"], "ada@notexample.com", False),
        (["example.com"], "ada@example.com.evil.test", False),
        (["example.com"], "example.com@evil.test", False),
        (["example.com"], '"ada@example.com"@evil.test', False),
        (["example.com"], "nobody", False),
        (["*.example.com"], "ada@mail.example.com", True),
        (["*.example.com"], "ada@a.b.example.com", True),
        (["*.example.com"], "ada@example.com", False),
        (["*.example.com"], "ada@notexample.com", False),
        (["example.com", "*.example.com"], "ada@example.com", True),
        (["bücher.example"], "ada@xn--bcher-kva.example", True),
        (["xn--bcher-kva.example"], "ada@BÜCHER.example", True),
        (["*.bücher.example"], "ada@post.xn--bcher-kva.example", True),
        (["bücher.example"], "ada@bucher.example", False),
    ],
)
def test_domains(domains: list[str], address: str, *, accepted: bool) -> None:
    """Exactly, in any case and either spelling; a star stands for what is below, and only that."""
    assert EmailFilter(domains=tuple(domains)).accepts(address) is accepted


def test_single_addresses_pass_beside_domains() -> None:
    """One of either is enough; the whole address counts."""
    filter_ = EmailFilter(domains=("example.com",), addresses=("Grace@Bücher.example",))
    assert filter_.accepts("grace@xn--bcher-kva.example")
    assert filter_.accepts("ada@example.com")
    assert not filter_.accepts("ada@xn--bcher-kva.example")


def test_an_empty_filter_lets_everybody_through() -> None:
    """Also an address that none would match."""
    assert EmailFilter().accepts("whoever")


@pytest.mark.parametrize(
    "filter_",
    [
        *(EmailFilter(domains=(text,)) for text in ("", "com", "*", "*.", "ada@example.com", "a b.com", "ex*mple.com")),
        *(EmailFilter(addresses=(text,)) for text in ("", "ada", "a@b@c", "ada @example.com", "@example.com", "ada@")),
        *(EmailFilter(addresses=(f"{local}@example.com",)) for local in ("a" * 65, "\u00e4" * 33)),
        EmailFilter(domains=("d" * 250 + ".example",)),
        EmailFilter(domains=tuple(f"d{number}.example" for number in range(MAX_ENTRIES + 1))),
    ],
)
def test_what_could_not_be_meant_is_refused(filter_: EmailFilter) -> None:
    """With the code of all bad preferences."""
    with pytest.raises(Rejected) as refused:
        filter_.require_sense()
    assert refused.value.code == "invalid_preferences"


@pytest.mark.parametrize("domain", ["\u00fc" * 200_000, "\u00fc." * 100_000, "b\u00fccher." * 20_000 + "example"])
def test_a_name_longer_than_any_domain_is_not_converted(domain: str) -> None:
    """To spell it as DNS does would take seconds; it is compared as it is."""
    filter_ = EmailFilter(domains=("*.example",), addresses=(f"ann@{domain}",))
    assert filter_.accepts(f"Ann@{domain.upper()}")
    assert not EmailFilter(domains=("b\u00fccher.example",)).accepts(f"ann@{domain}")


def test_a_filter_has_only_so_many_characters_to_convert() -> None:
    """Other characters than ASCII; the rest costs nothing."""
    domain = "\u00fc" * 50 + ".example"
    entries = MAX_FOREIGN // 50
    EmailFilter(domains=(domain,) * entries).require_sense()
    with pytest.raises(Rejected, match="other than ASCII") as refused:
        EmailFilter(domains=(domain,) * entries, addresses=("\u00e4nn@example.com",)).require_sense()
    assert refused.value.code == "invalid_preferences"
