"""Generated users: user `n` of a seed is always the same, so users need no storage.

The first eight digits of an object id contain the number of the user, scrambled so that ids look random and are spread.
The other digits are a digest. An id therefore leads to its user without an index of a million entries.
"""

import hashlib
import re
import uuid

import msgspec

from infra.local.entra.state.names import DEPARTMENTS, EMPLOYEE_TYPES, GIVEN, JOBS, PLACES, STREETS, SURNAME
from infra.local.entra.state.person import OrgData, User

_MASK = 0xFFFFFFFF
_MULTIPLIER = 0x9E3779B1  # odd, hence invertible modulo 2**32
_INVERSE = pow(_MULTIPLIER, -1, _MASK + 1)
_VARIANTS = "89ab"
_NUMBER_IN_ADDRESS = re.compile(r"(\d+)(?:@|_partner\.example#ext#@)")
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PER_TEN_THOUSAND = 10_000


class Shares(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of people with unusual properties, each 0..1."""

    guests: float = 0.0
    disabled: float = 0.0
    without_mail: float = 0.0


def stable_uuid(*words: str) -> str:
    """Return the same id for the same arguments in every process."""
    digest = hashlib.blake2b("\0".join(words).encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def looks_like_id(text: str) -> bool:
    """Return whether `text` has the form of an object id."""
    return _ID.fullmatch(text) is not None


class Generator:
    """Generates the users of one directory."""

    def __init__(self, *, seed: str, domain: str, company: str, shares: Shares) -> None:
        self._key = hashlib.blake2b(seed.encode(), digest_size=32).digest()
        self._offset = int.from_bytes(self._key[:4])
        self._domain = domain
        self._company = company
        self._guests_below = round(shares.guests * _PER_TEN_THOUSAND)
        self._disabled_below = round(shares.disabled * _PER_TEN_THOUSAND)
        self._mailless_below = round(shares.without_mail * _PER_TEN_THOUSAND)

    def id_of(self, number: int) -> str:
        """Return the object id of user `number`."""
        return self._id(number, self._digest(number))

    def number_of(self, key: str) -> int | None:
        """Return the number in an object id or a user principal name. Only `user` proves that the user exists."""
        match = _NUMBER_IN_ADDRESS.search(key)
        if match is not None:
            return int(match[1])
        try:
            number = ((int(key[:8], 16) - self._offset) * _INVERSE) & _MASK
        except ValueError:
            return None
        return number if self.id_of(number) == key else None

    def user(self, number: int) -> User:
        """Return user `number`. Takes about ten microseconds."""
        digest = self._digest(number)
        rest = int.from_bytes(digest)
        rest, chance = divmod(rest, _PER_TEN_THOUSAND)
        rest, given_at = divmod(rest, len(GIVEN))
        rest, surname_at = divmod(rest, len(SURNAME))
        rest, department_at = divmod(rest, len(DEPARTMENTS))
        rest, job_at = divmod(rest, len(JOBS))
        rest, place_at = divmod(rest, len(PLACES))
        rest, type_at = divmod(rest, len(EMPLOYEE_TYPES))
        rest, disabled = divmod(rest, _PER_TEN_THOUSAND)
        rest, mailless = divmod(rest, _PER_TEN_THOUSAND)
        (given, given_ascii), (surname, surname_ascii) = GIVEN[given_at], SURNAME[surname_at]
        city, country, office, language = PLACES[place_at]
        local = f"{given_ascii}.{surname_ascii}{number}"
        guest = chance < self._guests_below
        address = f"{local}@partner.example" if guest else f"{local}@{self._domain}"
        mail = None if mailless < self._mailless_below else address
        return User(
            id=self._id(number, digest),
            display_name=f"{given} {surname}",
            given_name=given,
            surname=surname,
            mail=mail,
            user_principal_name=f"{local}_partner.example#EXT#@{self._domain}" if guest else address,
            account_enabled=disabled >= self._disabled_below,
            user_type="Guest" if guest else "Member",
            business_phones=() if guest else (f"+47 22 {number % 1_000_000:06d}",),
            mobile_phone=f"+47 9{number % 10_000_000:07d}" if rest % 3 else None,
            department=None if guest else DEPARTMENTS[department_at],
            job_title=None if guest else JOBS[job_at],
            office_location=None if guest else office,
            employee_id=None if guest else f"E{number:07d}",
            employee_type=None if guest else EMPLOYEE_TYPES[type_at],
            employee_org_data=None if guest else OrgData(cost_center=f"CC-{department_at + 10}"),
            proxy_addresses=() if mail is None else (f"SMTP:{mail}",),
            preferred_language=language,
            company_name="Partner Ltd" if guest else self._company,
            country=country,
            city=city,
            street_address=None if guest else STREETS[place_at],
        )

    def _digest(self, number: int) -> bytes:
        return hashlib.blake2b(number.to_bytes(8), key=self._key, digest_size=16).digest()

    def _id(self, number: int, digest: bytes) -> str:
        head = (number * _MULTIPLIER + self._offset) & _MASK
        text = digest.hex()
        variant = _VARIANTS[digest[15] & 3]
        return f"{head:08x}-{text[0:4]}-4{text[4:7]}-{variant}{text[8:11]}-{text[12:24]}"
