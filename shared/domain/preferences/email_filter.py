"""E-mail filter: restricts product users to certain domains and addresses."""

from functools import cached_property
from typing import Final

import msgspec

from shared.domain.email_address import is_too_long
from shared.errors import Rejected

#: Maximum number of domains and addresses together: preferences are stored in one row.
MAX_ENTRIES: Final = 500
#: Maximum number of characters other than ASCII of a filter: spelling them as DNS does takes about 3 microseconds each.
MAX_FOREIGN: Final = 10_000
#: Longest domain, in characters. Source: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
_MAX_DOMAIN: Final = 253
#: Prefix that matches all subdomains of a domain, but not the domain itself.
_WILDCARD: Final = "*."


class EmailFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Accepted domains (exact, or `*.example.com` for subdomains) and single addresses. An empty filter accepts all.

    Comparison ignores case. Internationalised domains match in Unicode and in Punycode.
    """

    domains: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(_domain(domain) for domain in self.domains if not domain.strip().startswith(_WILDCARD))

    @cached_property
    def _suffixes(self) -> tuple[str, ...]:
        stripped = (domain.strip() for domain in self.domains)
        return tuple(
            "." + _domain(domain.removeprefix(_WILDCARD)) for domain in stripped if domain.startswith(_WILDCARD)
        )

    @cached_property
    def _addresses(self) -> frozenset[str]:
        return frozenset(map(_address, self.addresses))

    def accepts(self, address: str) -> bool:
        """Return whether the filter accepts an address."""
        if not self.domains and not self.addresses:
            return True
        normalized = _address(address)
        domain = normalized.rpartition("@")[2]
        return normalized in self._addresses or domain in self._exact or domain.endswith(self._suffixes or (" ",))

    def require_sense(self) -> None:
        """Validate the filter. Raises Rejected if it has too many entries or a malformed one."""
        if len(self.domains) + len(self.addresses) > MAX_ENTRIES:
            raise Rejected(
                f"Too many entries in the e-mail filter: use at most {MAX_ENTRIES}.", code="invalid_preferences"
            )
        foreign = sum(len(entry) - len(entry.encode("ascii", "ignore")) for entry in self.domains + self.addresses)
        if foreign > MAX_FOREIGN:
            raise Rejected(
                f"The e-mail filter has {foreign} characters other than ASCII: use at most {MAX_FOREIGN}.",
                code="invalid_preferences",
            )
        for entry in self.domains:
            plain = entry.strip().removeprefix(_WILDCARD)
            if "." not in plain or "@" in plain or "*" in plain or " " in plain or len(plain) > _MAX_DOMAIN:
                detail = f"Invalid domain {entry[:80]!r}: use example.com, or *.example.com for its subdomains."
                raise Rejected(detail, code="invalid_preferences")
        for entry in self.addresses:
            local, at, domain = entry.strip().partition("@")
            if not (local and at and domain) or "@" in domain or " " in local + domain or is_too_long(entry.strip()):
                raise Rejected(
                    f"Invalid e-mail address {entry[:80]!r}: use name@example.com.", code="invalid_preferences"
                )


def _address(text: str) -> str:
    local, at, domain = text.strip().casefold().rpartition("@")
    return f"{local}{at}{_domain(domain)}"


def _domain(text: str) -> str:
    """Return a domain as DNS spells it: lower case, Punycode. Text that is not a valid domain is only case-folded."""
    plain = text.strip().strip(".").casefold()
    if len(plain) > _MAX_DOMAIN:
        return plain
    try:
        return plain.encode("idna").decode()
    except UnicodeError:
        return plain
