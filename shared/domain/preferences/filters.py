"""Filters: which directory users can be recipients, and the reason for excluding the others."""

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final

import msgspec

from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.person_field import person_fields
from shared.domain.recipient import API_NAMES, TEXT_FIELDS, Profile, Reason
from shared.errors import Rejected

#: Maximum number of filters per tenant: preferences must fit into one row, and a sync compares users with all values.
MAX_FILTERS: Final = 20
#: Maximum number of values per filter, for the same reasons.
MAX_VALUES: Final = 200
#: Maximum length of a value, in characters.
MAX_VALUE: Final = 200


#: Attributes of a directory user that settings can name, by their API name, and the fields of DirectoryUser.
ATTRIBUTES: Final = {
    **{API_NAMES[name]: name for name in TEXT_FIELDS if name in DirectoryUser.__struct_fields__},
    "userPrincipalName": "user_principal_name",
}
_DECLARED: Final = {**person_fields(DirectoryUser), **person_fields(Profile)}


class Attribute(StrEnum):
    """Attributes that filters and location rules can use, by their API name."""

    _ignore_ = "name field"
    for name, field in ATTRIBUTES.items():
        if _DECLARED[field].filterable:
            vars()[field.upper()] = name


_LABELS: Final = [{"const": name, "title": _DECLARED[ATTRIBUTES[name]].label} for name in Attribute]


class AttributeFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Keeps only users with one of the values or, if `keep` is false, excludes them.

    Comparison ignores case and surrounding whitespace. A value that ends with `*` matches as a prefix. A user without
    the attribute matches no value.
    """

    attribute: Annotated[Attribute, msgspec.Meta(extra_json_schema={"oneOf": _LABELS})]
    values: tuple[str, ...]
    keep: bool = True

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(_folded(value) for value in self.values if not value.endswith("*"))

    @cached_property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple(_folded(value[:-1]) for value in self.values if value.endswith("*"))

    def accepts(self, user: DirectoryUser) -> bool:
        """Return whether the filter allows a user to be a recipient."""
        value = value_of(user, self.attribute)
        folded = _folded(value) if value is not None else None
        matches = folded is not None and (folded in self._exact or folded.startswith(self._prefixes))
        return matches is self.keep

    def require_sense(self) -> None:
        """Validate the filter. Raises Rejected if it has no value, too many values, or an empty or too long one."""
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
    """Return the value of a user's attribute; None if it is not set."""
    value: str | None = getattr(user, ATTRIBUTES[attribute])
    return value


def _folded(text: str) -> str:
    return text.strip().casefold()


def exclusion(
    user: DirectoryUser, *, include_guests: bool, require_mail: bool, filters: tuple[AttributeFilter, ...]
) -> Reason | None:
    """Return the first reason why a directory user cannot be a recipient; None if they can."""
    if not user.active:
        return Reason.STATUS_UNKNOWN if user.inactive is InactiveReason.UNKNOWN else Reason.ACCOUNT_DISABLED
    if user.guest and not include_guests:
        return Reason.GUEST_EXCLUDED
    if require_mail and address_of(user) is None:
        return Reason.NO_EMAIL
    if filters and any(not filter_.accepts(user) for filter_ in filters):
        return Reason.FILTERED
    return None


#: Marks the user principal name of a guest, which is not an e-mail address.
#: Source: https://learn.microsoft.com/entra/external-id/user-properties
_GUEST_MARK: Final = "#EXT#"


def address_of(user: DirectoryUser) -> str | None:
    """Return the e-mail address of a user; None if they have none.

    Users without `mail` have their user principal name as address, except guests: theirs does not accept mail.
    """
    if user.mail is None and _GUEST_MARK not in user.user_principal_name.upper():
        return user.user_principal_name
    return user.mail
