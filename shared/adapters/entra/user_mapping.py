"""Mapping of Microsoft Graph's users to directory users: texts are cleaned, and unknown values stay unknown."""

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from shared.adapters.entra.schema import TEXT_PATHS, GraphUser, Identified
from shared.domain.directory import DirectoryUser, Fields, InactiveReason
from shared.domain.struct_calls import compile_constructor
from shared.errors import NeedsAttention

#: Maximum length of a text, in characters; longer texts are cut.
MAX_TEXT: Final = 1024
#: Maximum number of aliases of one person; further ones are dropped.
MAX_ALIASES: Final = 50
#: Maximum number of addresses of one person that are looked at. Exchange keeps a few hundred.
_MAX_READ: Final = 1_000
_SMTP: Final = "smtp:"
_PRIMARY: Final = "SMTP:"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _text(value: Any) -> str | None:  # noqa: ANN401 - a str, None or UNSET
    if value.__class__ is not str:
        return None
    if value.isprintable() and len(value) <= MAX_TEXT:
        return value.strip() or None
    return _CONTROL.sub("", value)[:MAX_TEXT].strip() or None


def _aliases(values: list[str] | UnsetType | None, mail: str | UnsetType | None) -> tuple[str, ...]:
    """Return the SMTP addresses other than `mail`. Their prefix comes in any case; `SMTP:` marks the primary one.

    The primary one is usually `mail`. If the mail is UNSET, the primary one is taken for it.
    Source: https://learn.microsoft.com/graph/api/resources/user#properties (proxyAddresses)
    """
    if not isinstance(values, list) or (len(values) == 1 and values[0] == f"{_PRIMARY}{mail}"):
        return ()
    others = [
        value[len(_SMTP) :]
        for value in values[:_MAX_READ]
        if value[: len(_SMTP)].lower() == _SMTP
        and (value[len(_SMTP) :] != mail if mail is not UNSET else not value.startswith(_PRIMARY))
    ]
    own = mail.casefold() if isinstance(mail, str) else None
    return tuple(address for address in _addresses(others) if address != own) if others else ()


def _addresses(values: list[str] | UnsetType | None) -> tuple[str, ...]:
    """Return addresses in lower case, sorted, without what cannot be one."""
    if not isinstance(values, list) or not values:
        return ()
    found = {(_text(value) or "").casefold() for value in values[:_MAX_READ]}
    return tuple(sorted(address for address in found if "@" in address and " " not in address)[:MAX_ALIASES])


def _first(values: list[str] | UnsetType | None) -> str | None:
    return _text(values[0]) if isinstance(values, list) and values else None


def _source(path: Sequence[str]) -> str:
    """Return the source text that reads a text of `user`, or the complex property around it if that is absent."""
    return " and ".join(f"user.{'.'.join(path[:depth])}" for depth in range(1, len(path) + 1))


def _reader(path: Sequence[str]) -> Callable[[Any], object]:
    """Return the function that reads a text of a user: UNSET if it or the complex property around it is absent."""
    if len(path) == 1:
        return attrgetter(path[0])
    outer, inner = attrgetter(path[0]), _reader(path[1:])
    return lambda user: inner(value) if isinstance(value := outer(user), msgspec.Struct) else value


_PATHS: Final = {
    name: path
    for name, path in TEXT_PATHS.items()
    if name in DirectoryUser.__struct_fields__ and name != "user_principal_name"
}
_READERS: Final = [(name, _reader(path)) for name, path in _PATHS.items()]
#: Marks the user principal name of a guest whose type Graph does not show.
#: Source: https://learn.microsoft.com/entra/external-id/user-properties
_GUEST_MARK: Final = "#EXT#"


def _inactive(enabled: object) -> InactiveReason | None:
    """Return what `accountEnabled` says. Graph answers with null if the app may not read it: that says nothing."""
    if enabled is True:
        return None
    return InactiveReason.DISABLED if enabled is False else InactiveReason.UNKNOWN


def _is_guest_name(name: object) -> bool:
    return isinstance(name, str) and _GUEST_MARK in name.upper()


_new_user: Final = compile_constructor(
    DirectoryUser,
    "user, name",
    {
        "id": "user.id",
        "inactive": "inactive(user.account_enabled)",
        "guest": "user.user_type == 'Guest' or (not user.user_type and guest_name(user.user_principal_name))",
        "manager": "None",
        **{name: f"text({_source(path)})" for name, path in _PATHS.items()},
        "user_principal_name": "name",
        "business_phone": "first(user.business_phones)",
        "aliases": "aliases(user.proxy_addresses, user.mail)",
        "other_mails": "addresses(user.other_mails) if user.other_mails else ()",
    },
    text=_text,
    first=_first,
    aliases=_aliases,
    addresses=_addresses,
    inactive=_inactive,
    guest_name=_is_guest_name,
)


def ids_of(users: Sequence[Identified]) -> list[DirectoryUser]:
    """Return the users of a listing that requested only ids."""
    return [DirectoryUser(user.id, "") for user in users]  # as `only` does, without a call for each


def user_of(user: GraphUser) -> DirectoryUser:
    """Return one user. Raises NeedsAttention if Graph withholds properties."""
    name = _text(user.user_principal_name)
    if name is None:
        raise unreadable()
    return _new_user(user, name)


def is_named(user: GraphUser) -> bool:
    """Return whether Graph shows the user principal name."""
    return _text(user.user_principal_name) is not None


def patch_of(user: GraphUser) -> Fields:
    """Return the fields of DirectoryUser that a change mentions. Every user has a name: a null one says nothing."""
    fields: Fields = {name: _text(value) for name, read in _READERS if (value := read(user)) is not UNSET}
    if (name := _text(user.user_principal_name)) is not None:
        fields["user_principal_name"] = name
    if not isinstance(user.account_enabled, UnsetType):
        fields["inactive"] = _inactive(user.account_enabled)
    if isinstance(user.user_type, str):
        fields["guest"] = user.user_type == "Guest"
    if not isinstance(user.business_phones, UnsetType):
        fields["business_phone"] = _first(user.business_phones)
    if not isinstance(user.proxy_addresses, UnsetType):
        fields["aliases"] = _aliases(user.proxy_addresses, user.mail)
    if not isinstance(user.other_mails, UnsetType):
        fields["other_mails"] = _addresses(user.other_mails)
    if not isinstance(user.managers, UnsetType):
        managers = [manager.id.lower() for manager in user.managers if manager.removed is UNSET]
        fields["manager"] = managers[-1] if managers else None
    return fields


def unreadable() -> NeedsAttention:
    """Create the error for users without properties. Without permission, Graph lists ids and null properties.

    Source: https://learn.microsoft.com/graph/api/group-list-members (limited information for inaccessible members)
    """
    return NeedsAttention(
        "Microsoft Graph lists users without their properties: grant User.Read.All and consent to it.",
        code="users_unreadable",
    )
