"""Which e-mail addresses may have a product user: by domain, or one by one."""

from functools import cached_property
from typing import Final

import msgspec

from shared.errors import Rejected

MAX_ENTRIES: Final = 500
#: What stands for every domain below one, but not for that domain itself.
_BELOW: Final = "*."


class EmailFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Domains, exact or as `*.example.com` for those below it, and single addresses; empty lets everybody through.

    Compared without regard to case; internationalised domains in either of their spellings.
    """

    domains: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(_domain(each) for each in self.domains if not each.strip().startswith(_BELOW))

    @cached_property
    def _below(self) -> tuple[str, ...]:
        below = (each.strip() for each in self.domains)
        return tuple("." + _domain(each.removeprefix(_BELOW)) for each in below if each.startswith(_BELOW))

    @cached_property
    def _addresses(self) -> frozenset[str]:
        return frozenset(map(_address, self.addresses))

    def accepts(self, address: str) -> bool:
        """Tell whether an address may pass."""
        if not self.domains and not self.addresses:
            return True
        known = _address(address)
        domain = known.rpartition("@")[2]
        return known in self._addresses or domain in self._exact or domain.endswith(self._below or (" ",))

    def require_sense(self) -> None:
        """Hold if the filter can be kept. Raises: Rejected."""
        if len(self.domains) + len(self.addresses) > MAX_ENTRIES:
            raise Rejected(
                f"Too many entries in the e-mail filter: use at most {MAX_ENTRIES}.", code="invalid_preferences"
            )
        for each in self.domains:
            plain = each.strip().removeprefix(_BELOW)
            if "." not in plain or "@" in plain or "*" in plain or " " in plain:
                detail = f"Invalid domain {each[:80]!r}: use example.com, or *.example.com for its subdomains."
                raise Rejected(detail, code="invalid_preferences")
        for each in self.addresses:
            local, at, domain = each.strip().partition("@")
            if not (local and at and domain) or "@" in domain or " " in local + domain:
                raise Rejected(
                    f"Invalid e-mail address {each[:80]!r}: use name@example.com.", code="invalid_preferences"
                )


def _address(text: str) -> str:
    local, at, domain = text.strip().casefold().rpartition("@")
    return f"{local}{at}{_domain(domain)}"


def _domain(text: str) -> str:
    """Return a domain as it stands in the name service, however it is spelled."""
    plain = text.strip().strip(".").casefold()
    try:
        return plain.encode("idna").decode()
    except UnicodeError:
        return plain
