"""What of a directory user goes into which field of a recipient."""

from functools import cached_property
from typing import Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.preferences.filters import address_of
from shared.domain.recipient import TEXT_FIELDS, Profile
from shared.errors import Rejected

_PHONES: Final = ("mobile_phone", "business_phone")
#: Fields that can be taken from elsewhere, by their name in the API. The address is none: it tells who somebody is.
_MANAGER: Final = ("manager_name", "manager_mail")
_MAPPED: Final = {
    field.encode_name: field.name
    for field in msgspec.structs.fields(Profile)
    if field.name in TEXT_FIELDS and field.name not in {"mail", *_MANAGER}
}
#: What they can be taken from, by the directory's name.
_TAKEN: Final = {**_MAPPED, "mail": "mail", "userPrincipalName": "user_principal_name"}


class Attributes(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", dict=True, omit_defaults=True
):
    """How a directory user becomes the profile of a recipient; by default each field is the attribute of its name."""

    #: Fields by name, and the attribute that each is taken from instead; None leaves the field empty.
    map: dict[str, str | None] = {}
    #: Two letters (ISO 3166): phone numbers are written as E.164, those without a country code as of this country.
    default_country: str | None = None
    #: Whether the manager's name and address are read too, which takes the whole directory also in groups mode.
    manager: bool = False

    def require_sense(self) -> None:
        """Hold if the settings can be kept. Raises: Rejected."""
        from shared.domain.preferences.phone_numbers import is_country  # noqa: PLC0415 - costs 70 ms to import, and few need it

        for field, attribute in self.map.items():
            if field not in _MAPPED or (attribute is not None and attribute not in _TAKEN):
                detail = (
                    f"attributes.map cannot take {field[:80]!r} from {str(attribute)[:80]!r}: fields are "
                    f"{', '.join(_MAPPED)}; attributes are these, mail and userPrincipalName."
                )
                raise Rejected(detail, code="invalid_preferences")
        if self.default_country is not None and not is_country(self.default_country):
            detail = f"{self.default_country[:80]!r} is no country; use two capital letters such as DE."
            raise Rejected(detail, code="invalid_preferences")

    @cached_property
    def _changes(self) -> dict[str, str | None]:
        return {_MAPPED[field]: _TAKEN[name] if name is not None else None for field, name in self.map.items()}

    def profile(self, user: DirectoryUser) -> Profile:
        """Return what the directory says about a person."""
        said = Profile(
            display_name=user.display_name,
            given_name=user.given_name,
            surname=user.surname,
            mail=address_of(user),
            mobile_phone=user.mobile_phone,
            business_phone=user.business_phone,
            department=user.department,
            job_title=user.job_title,
            office_location=user.office_location,
            employee_id=user.employee_id,
            employee_type=user.employee_type,
            company_name=user.company_name,
            aliases=user.aliases,
        )
        if self._changes:
            taken = {field: getattr(user, name) if name else None for field, name in self._changes.items()}
            said = msgspec.structs.replace(said, **taken)
        if self.default_country is not None:
            said = _dialled(said, self.default_country)
        return said


def _dialled(said: Profile, country: str) -> Profile:
    """Return a profile with its phone numbers as E.164."""
    from shared.domain.preferences.phone_numbers import e164  # noqa: PLC0415 - as above

    numbers = {name: e164(text, country) for name in _PHONES if (text := getattr(said, name)) is not None}
    return msgspec.structs.replace(said, **numbers) if numbers else said
