"""Eligibility: which directory users can be recipients, and the reason for an exclusion."""

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final

import msgspec

from shared.domain.directory import DirectoryUser
from shared.domain.person_field import person_fields
from shared.domain.recipient import API_NAMES, TEXT_FIELDS, Profile, Reason
from shared.errors import Rejected

#: Most filters of a tenant: preferences have to fit into one row, and every user is compared with every value.
MAX_FILTERS: Final = 20
#: Most values of a filter.
MAX_VALUES: Final = 200
#: Longest value, in characters.
MAX_VALUE: Final = 200

#: Attributes of a directory user that settings can name, by the directory's own names, and their fields.
ATTRIBUTES: Final = {
    **{API_NAMES[name]: name for name in TEXT_FIELDS if name in DirectoryUser.__struct_fields__},
    "userPrincipalName": "user_principal_name",
}
_DECLARED: Final = {**person_fields(DirectoryUser), **person_fields(Profile)}


class Attribute(StrEnum):
    """What a filter can look at, by the directory's own names."""

    _ignore_ = "name field"
    for name, field in ATTRIBUTES.items():
        if _DECLARED[field].filterable:
            vars()[field.upper()] = name


_LABELS: Final = [{"const": name, "title": _DECLARED[ATTRIBUTES[name]].label} for name in Attribute]


class AttributeFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Admits only people with one of the values or, with `keep` false, all people but them.

    Values are compared without case and surrounding space; one that ends with `*` is a prefix. A person without a value
    matches none of them.
    """

    attribute: Annotated[Attribute, msgspec.Meta(extra_json_schema={"oneOf": _LABELS})]
    values: tuple[str, ...]
    keep: bool = True

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(_folded(value) for value in self.values if not value.endswith("*"))

    @cached_property
    def _beginnings(self) -> tuple[str, ...]:
        return tuple(_folded(value[:-1]) for value in self.values if value.endswith("*"))

    def accepts(self, user: DirectoryUser) -> bool:
        """Return whether the filter lets a person be a recipient."""
        value = value_of(user, self.attribute)
        folded = _folded(value) if value is not None else None
        has = folded is not None and (folded in self._exact or folded.startswith(self._beginnings))
        return has is self.keep

    def require_sense(self) -> None:
        """Validate the filter. Raises Rejected if its values are malformed."""
        if not 1 <= len(self.values) <= MAX_VALUES or any(not value.strip("* ") for value in self.values):
            raise Rejected(
                f"Invalid filter by {self.attribute.value}: use 1 to {MAX_VALUES} values that are not empty.",
                code="invalid_preferences",
            )
        if any(len(value) > MAX_VALUE for value in self.values):
            raise Rejected(
                f"Invalid filter by {self.attribute.value}: a value has at most {MAX_VALUE} characters.",
                code="invalid_preferences",
            )


def value_of(user: DirectoryUser, attribute: Attribute) -> str | None:
    """Return the value that a person has in an attribute."""
    value: str | None = getattr(user, ATTRIBUTES[attribute])
    return value


def _folded(text: str) -> str:
    return text.strip().casefold()


def exclusion(
    user: DirectoryUser, *, include_guests: bool, require_mail: bool, filters: tuple[AttributeFilter, ...]
) -> Reason | None:
    """Return why a directory user cannot be a recipient, the first of several reasons, or None if they can."""
    if not user.account_enabled:
        return Reason.ACCOUNT_DISABLED
    if user.guest and not include_guests:
        return Reason.GUEST_EXCLUDED
    if require_mail and address_of(user) is None:
        return Reason.NO_EMAIL
    if filters and any(not rule.accepts(user) for rule in filters):
        return Reason.FILTERED
    return None


#: Part of the user principal name of a guest, which is not an address.
#: Source: https://learn.microsoft.com/entra/external-id/user-properties
_GUEST_MARK: Final = "#EXT#"


def address_of(user: DirectoryUser) -> str | None:
    """Return the e-mail address of a person.

    Without `mail` the user principal name is the address, unless it is a guest's, to which mail cannot be sent.
    """
    if user.mail is None and _GUEST_MARK not in user.user_principal_name.upper():
        return user.user_principal_name
    return user.mail
