"""Mapping of Microsoft Graph's users to directory users: texts are cleaned, and unknown values stay unknown."""

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from ahocorasick_rs import BytesAhoCorasick
from msgspec import UNSET, UnsetType

from shared.adapters.entra.schema import TEXT_PATHS, GraphUser, Identified
from shared.domain.directory import DirectoryUser, Fields, InactiveReason
from shared.domain.struct_calls import compile_batch_constructor, compile_constructor
from shared.errors import NeedsAttention

#: Maximum length of a text, in characters; longer texts are cut.
MAX_TEXT: Final = 1024
#: Maximum number of aliases of one person; further ones are dropped.
MAX_ALIASES: Final = 50
_SECONDARY: Final = "smtp:"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Bytes in JSON that occur if a text has an escape, or an ASCII character that `_CONTROL` finds.
_ESCAPES: Final = b"\\", b"\x7f"
#: Bytes in JSON that occur if a text begins or ends with a space, or has one of the spaces U+1680 and U+3000.
_SPACES: Final = b'" ', b' "', b"\xe1\x9a\x80", b"\xe3\x80\x80"
#: First bytes of the other characters that are white space or that `_CONTROL` finds, and these characters.
_ODD: Final = {
    b"\xc2": re.compile(rb"\xc2[\x80-\xa0]"),
    b"\xe2": re.compile(rb"\xe2(?:\x80[\x80-\x8a\xa8\xa9\xaf]|\x81\x9f)"),
}


def _text(value: Any) -> str | None:  # noqa: ANN401 - a str, None or UNSET
    if value.__class__ is not str:
        return None
    if not value.isprintable():
        value = _CONTROL.sub("", value)
    return value[:MAX_TEXT].strip() or None


def _aliases(values: list[str] | UnsetType | None) -> tuple[str, ...]:
    """Return the secondary SMTP addresses. `smtp:` marks them; `SMTP:` marks the primary one, which is `mail`.

    Source: https://learn.microsoft.com/graph/api/resources/user#properties (proxyAddresses)
    """
    if not isinstance(values, list) or not (secondary := [value for value in values if value.startswith(_SECONDARY)]):
        return ()
    addresses = {(_text(value.removeprefix(_SECONDARY)) or "").casefold() for value in secondary}
    valid = sorted(address for address in addresses if "@" in address and " " not in address)
    return tuple(valid[:MAX_ALIASES])


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


_name_of: Final = attrgetter("user_principal_name")
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


_COMMON: Final = {
    "id": "user.id",
    "inactive": "None if user.account_enabled is True else inactive(user.account_enabled)",
    "guest": "user.user_type == 'Guest' or (not user.user_type and guest_name(user.user_principal_name))",
    "manager": "None",
}
#: For the users of a response without any text to clean, and whether the response has secondary addresses.
_plain_users: Final = compile_batch_constructor(
    DirectoryUser,
    "user",
    "secondary",
    {
        **_COMMON,
        **{name: f"({_source(path)}) or None" for name, path in _PATHS.items()},
        "user_principal_name": "user.user_principal_name",
        "business_phone": "(user.business_phones and user.business_phones[0]) or None",
        "aliases": "aliases(user.proxy_addresses) if secondary else ()",
    },
    aliases=_aliases,
    inactive=_inactive,
    guest_name=_is_guest_name,
)
#: For any user, and the cleaned user principal name.
_clean_user: Final = compile_constructor(
    DirectoryUser,
    "user, name",
    {
        **_COMMON,
        **{name: f"text({_source(path)})" for name, path in _PATHS.items()},
        "user_principal_name": "name",
        "business_phone": "first(user.business_phones)",
        "aliases": "aliases(user.proxy_addresses)",
    },
    text=_text,
    first=_first,
    aliases=_aliases,
    inactive=_inactive,
    guest_name=_is_guest_name,
)


def ids_of(users: Sequence[Identified]) -> list[DirectoryUser]:
    """Return the users of a listing that requested only ids."""
    return [DirectoryUser.only(user.id) for user in users]


def users_of(users: Sequence[GraphUser], content: bytes) -> list[DirectoryUser]:
    """Return the users of a listing, given with its content. Raises NeedsAttention if Graph withholds properties."""
    if not _is_plain(content):
        return list(map(user_of, users))
    if not all(map(_name_of, users)):
        raise unreadable()
    return _plain_users(users, _holds_secondary(content))


def _finder(searched: bytes) -> Callable[[bytes], bool]:
    """Return a function that searches bytes for `searched`, at least two bytes: 20 times as fast as `in` on a page."""
    find = BytesAhoCorasick([searched]).find_matches_as_indexes
    return lambda content: bool(find(content))


_holds_secondary: Final = _finder(f'"{_SECONDARY}'.encode())
_holding_spaces: Final = tuple(map(_finder, _SPACES))


def _is_plain(content: bytes) -> bool:
    """Return whether no text of a response has to be cleaned or cut, which is true of most responses.

    Searching the bytes costs almost nothing; checking text by text costs more than decoding.
    """
    return not (
        any(escape in content for escape in _ESCAPES)
        or any(holds(content) for holds in _holding_spaces)
        or any(lead in content and odd.search(content) for lead, odd in _ODD.items())
        or _holds_long_text(content)
    )


def _holds_long_text(content: bytes) -> bool:
    """Return whether more than MAX_TEXT bytes have no quotation mark, in content without escapes."""
    mark, end = 0, len(content) - MAX_TEXT
    while 0 <= mark < end:
        mark = content.rfind(b'"', mark + 1, mark + MAX_TEXT + 2)
    return mark < 0


def user_of(user: GraphUser) -> DirectoryUser:
    """Return one user. Raises NeedsAttention if Graph withholds properties."""
    name = _text(user.user_principal_name)
    if name is None:
        raise unreadable()
    return _clean_user(user, name)


def patch_of(user: GraphUser) -> Fields:
    """Return the fields of DirectoryUser that a change mentions. Raises NeedsAttention if Graph withholds the name."""
    fields: Fields = {name: _text(value) for name, read in _READERS if (value := read(user)) is not UNSET}
    if not isinstance(user.user_principal_name, UnsetType):
        name = _text(user.user_principal_name)
        if name is None:
            raise unreadable()
        fields["user_principal_name"] = name
    if not isinstance(user.account_enabled, UnsetType):
        fields["inactive"] = _inactive(user.account_enabled)
    if isinstance(user.user_type, str):
        fields["guest"] = user.user_type == "Guest"
    if not isinstance(user.business_phones, UnsetType):
        fields["business_phone"] = _first(user.business_phones)
    if not isinstance(user.proxy_addresses, UnsetType):
        fields["aliases"] = _aliases(user.proxy_addresses)
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
