"""Attribute mapping: which attribute of a directory user fills which field of a recipient."""

from functools import cached_property
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.preferences.filters import ATTRIBUTES, address_of
from shared.domain.recipient import PROFILE_FIELDS, TEXT_FIELDS, Profile
from shared.domain.struct_calls import compile_constructor
from shared.errors import Rejected

_PHONES: Final = ("mobile_phone", "business_phone")
#: Fields that can be taken from elsewhere, by their name in the API. The address cannot: it identifies the person.
_MAPPED: Final = {name: field for name, field in ATTRIBUTES.items() if field in TEXT_FIELDS and field != "mail"}
#: A profile as the directory has it: fields of the same name, an address, and no manager, who is another person.
_directory_profile: Final = compile_constructor(
    Profile,
    "user",
    {
        **dict.fromkeys(PROFILE_FIELDS, "None"),
        **{name: f"user.{name}" for name in PROFILE_FIELDS if name in DirectoryUser.__struct_fields__},
        "mail": "address_of(user)",
    },
    address_of=address_of,
)


class Attributes(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", dict=True, omit_defaults=True
):
    """How a directory user becomes the profile of a recipient; by default each field is the attribute of its name."""

    #: Fields by name, and the attribute that each is taken from instead; None leaves the field empty.
    map: dict[str, str | None] = {}
    #: Two letters (ISO 3166): phone numbers are written as E.164, those without a country code as of this country.
    default_country: str | None = None
    #: Whether the manager's name and address are read too; it requires the whole directory, also in groups mode.
    manager: bool = False

    def require_sense(self) -> None:
        """Validate the settings. Raises Rejected if a field, an attribute or the country is unknown."""
        from shared.domain.preferences.phone_numbers import is_country  # noqa: PLC0415 - costs 70 ms to import, and few tenants need it

        for field, attribute in self.map.items():
            if field not in _MAPPED or (attribute is not None and attribute not in ATTRIBUTES):
                detail = (
                    f"attributes.map cannot take {field[:80]!r} from {str(attribute)[:80]!r}: fields are "
                    f"{', '.join(_MAPPED)}; attributes are these, mail and userPrincipalName."
                )
                raise Rejected(detail, code="invalid_preferences")
        if self.default_country is not None and not is_country(self.default_country):
            detail = f"Invalid country {self.default_country[:80]!r}: use two capital letters such as DE."
            raise Rejected(detail, code="invalid_preferences")

    @cached_property
    def _changes(self) -> dict[str, str | None]:
        return {_MAPPED[field]: ATTRIBUTES[name] if name is not None else None for field, name in self.map.items()}

    def to_profile(self, user: DirectoryUser) -> Profile:
        """Return the profile that the directory gives a person."""
        profile = _directory_profile(user)
        if self._changes:
            taken = {field: getattr(user, name) if name else None for field, name in self._changes.items()}
            profile = msgspec.structs.replace(profile, **taken)
        if self.default_country is not None:
            profile = _dialled(profile, self.default_country)
        return profile


def _dialled(profile: Profile, country: str) -> Profile:
    """Return a profile with its phone numbers as E.164."""
    from shared.domain.preferences.phone_numbers import e164  # noqa: PLC0415 - as above

    numbers = {name: e164(text, country) for name in _PHONES if (text := getattr(profile, name)) is not None}
    return msgspec.structs.replace(profile, **numbers) if numbers else profile
