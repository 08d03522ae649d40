"""SSO users: people who can sign in to the product, and the rule that decides who can become a product user."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.ids import ObjectId
from shared.domain.preferences.email_filter import EmailFilter
from shared.domain.preferences.filters import address_of


class Role(StrEnum):
    """What a product user may do."""

    ADMINISTRATOR = "administrator"
    MAILROOM = "mailroom"
    VIEWER = "viewer"


class ProductUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user of the product, created by an admin from an SSO user, with a role."""

    object_id: ObjectId
    mail: str
    display_name: str | None
    role: Role
    created_at: datetime
    created_by: str


class SsoUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A directory user who is assigned to the sign-in application."""

    object_id: ObjectId
    user_principal_name: str
    display_name: str | None
    mail: str | None
    #: `direct` for a direct assignment, and the ids of the groups through which the user is assigned.
    via: tuple[str, ...]
    included: bool
    #: Why the user cannot become a product user: `account_disabled`, `status_unknown`, `no_email` or `email_filtered`;
    #: None if they can.
    reason: str | None


def sso_users(
    users: Iterable[DirectoryUser], via: Mapping[ObjectId, Iterable[str]], filter_: EmailFilter
) -> list[SsoUser]:
    """Return all assigned users, sorted by name. The e-mail filter is the last reason for exclusion."""
    return sorted((_of(user, via.get(user.id, ()), filter_) for user in users), key=_name)


def _of(user: DirectoryUser, via: Iterable[str], filter_: EmailFilter) -> SsoUser:
    mail = address_of(user)
    reason = None
    if not user.active:
        reason = "status_unknown" if user.inactive is InactiveReason.UNKNOWN else "account_disabled"
    elif mail is None:
        reason = "no_email"
    elif not filter_.accepts(mail):
        reason = "email_filtered"
    return SsoUser(
        object_id=user.id,
        user_principal_name=user.user_principal_name,
        display_name=user.display_name,
        mail=mail,
        via=tuple(sorted(via)),
        included=reason is None,
        reason=reason,
    )


def _name(user: SsoUser) -> tuple[str, str]:
    return (user.display_name or "").casefold(), user.object_id
