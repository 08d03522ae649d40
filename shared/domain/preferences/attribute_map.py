"""Attribute map: how the attributes of a directory user become the profile of a recipient."""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.preferences.filters import ATTRIBUTES, address_of
from shared.domain.recipient import PHONE_FIELDS, PROFILE_FIELDS, TEXT_FIELDS, Profile
from shared.domain.struct_calls import compile_constructor
from shared.errors import Rejected

#: Fields that can be mapped to another attribute, by their API name. The address cannot: it identifies the person.
_MAPPED: Final = {name: field for name, field in ATTRIBUTES.items() if field in TEXT_FIELDS and field != "mail"}
#: Creates the profile from the attributes of the same name and the address; the manager is not an attribute.
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
    """Maps a directory user to the profile of a recipient. By default, a field takes the attribute of the same name."""

    #: The attribute for a field, by the field's API name; None clears the field.
    map: dict[str, str | None] = {}
    #: Two letters (ISO 3166). Phone numbers are then converted to E.164; this is the country of national numbers.
    default_country: str | None = None
    #: Whether the manager's name and address are read. In groups mode, this requires reading the whole directory.
    manager: bool = False

    def require_sense(self) -> None:
        """Validate the settings. Raises Rejected if a field, an attribute or the country is not supported."""
        from shared.domain.preferences.phone_numbers import is_country  # noqa: PLC0415 - takes 70 ms and is rarely needed

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

    def employee_id_of(self, user: DirectoryUser) -> str | None:
        """Return the employee id in the profile of a directory user."""
        name = self._changes.get("employee_id", "employee_id")
        return getattr(user, name) if name is not None else None

    def to_profile(self, user: DirectoryUser) -> Profile:
        """Return the profile of a directory user."""
        profile = _directory_profile(user)
        if self._changes:
            mapped = {field: getattr(user, name) if name else None for field, name in self._changes.items()}
            profile = msgspec.structs.replace(profile, **mapped)
        if self.default_country is not None:
            numbers = self.with_e164_numbers({name: getattr(profile, name) for name in PHONE_FIELDS})
            profile = msgspec.structs.replace(profile, **numbers)
        return profile

    def with_e164_numbers(self, fields: Mapping[str, str | None]) -> Mapping[str, str | None]:
        """Return fields of a person with phone numbers in E.164, unchanged without a default country."""
        if self.default_country is None:
            return fields
        from shared.domain.preferences.phone_numbers import e164  # noqa: PLC0415 - as above

        country = self.default_country
        numbers = {name: e164(text, country) for name in PHONE_FIELDS if (text := fields.get(name)) is not None}
        return {**fields, **numbers}
