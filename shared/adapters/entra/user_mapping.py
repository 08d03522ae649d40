"""Users as Microsoft Graph sends them, as users of a directory: texts cleaned, and nothing made up."""

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from ahocorasick_rs import BytesAhoCorasick
from msgspec import UNSET, UnsetType

from shared.adapters.entra.schema import TEXT_PATHS, GraphUser, Identified
from shared.domain.directory import DirectoryUser, Fields
from shared.domain.struct_calls import compile_batch_constructor, compile_constructor
from shared.errors import NeedsAttention

#: Longest text that is kept, in characters; what is longer is cut.
MAX_TEXT: Final = 1024
#: Most aliases that are kept of one person.
MAX_ALIASES: Final = 50
_SECONDARY: Final = "smtp:"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: What JSON in UTF-8 holds if one of its texts has an escape, or an ASCII character that `_CONTROL` finds.
_ESCAPES: Final = b"\\", b"\x7f"
#: What it holds if one of its texts begins or ends with a space, or has U+1680 or U+3000 anywhere, which are such, too.
_SPACES: Final = b'" ', b' "', b"\xe1\x9a\x80", b"\xe3\x80\x80"
#: First bytes of the other characters that `_CONTROL` finds or that are white space, and those characters.
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
    """Return the SMTP addresses but for the first one, which is `mail`: `SMTP:` marks it, `smtp:` the others.

    Source: https://learn.microsoft.com/graph/api/resources/user#properties (proxyAddresses)
    """
    if not isinstance(values, list) or not (secondary := [each for each in values if each.startswith(_SECONDARY)]):
        return ()
    found = {(_text(each.removeprefix(_SECONDARY)) or "").casefold() for each in secondary}
    whole = sorted(each for each in found if "@" in each and " " not in each)
    return tuple(whole[:MAX_ALIASES])


def _first(values: list[str] | UnsetType | None) -> str | None:
    return _text(values[0]) if isinstance(values, list) and values else None


def _source(path: Sequence[str]) -> str:
    """Return the source that reads a text of `user`; of a complex property that is absent, it reads that instead."""
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
_COMMON: Final = {
    "id": "user.id",
    "account_enabled": "user.account_enabled is not False",
    "guest": "user.user_type == 'Guest'",
    "manager": "None",
}
#: The users of an answer in which no text has to be cleaned, and whether the answer holds secondary addresses.
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
)
#: Any user, and the cleaned user principal name.
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
)


def ids_of(found: Sequence[Identified]) -> list[DirectoryUser]:
    """Return listed users of whom only the ids were asked for."""
    return [DirectoryUser.only(each.id) for each in found]


def users_of(found: Sequence[GraphUser], content: bytes) -> list[DirectoryUser]:
    """Return the users listed in an answer's content. Raises: NeedsAttention if Graph withholds the properties."""
    if not _is_plain(content):
        return list(map(user_of, found))
    if not all(map(_name_of, found)):
        raise unreadable()
    return _plain_users(found, _holds_secondary(content))


def _finder(searched: bytes) -> Callable[[bytes], bool]:
    """Return what tells whether bytes hold `searched`, of at least two: twenty times as fast as `in` on a page."""
    find = BytesAhoCorasick([searched]).find_matches_as_indexes
    return lambda content: bool(find(content))


_holds_secondary: Final = _finder(f'"{_SECONDARY}'.encode())
_holding_spaces: Final = tuple(map(_finder, _SPACES))


def _is_plain(content: bytes) -> bool:
    """Tell whether nothing is to be taken off or out of any text in an answer, and none is too long: most answers are.

    To look at bytes takes next to nothing; to look at each text takes longer than decoding it.
    """
    return not (
        any(each in content for each in _ESCAPES)
        or any(holds(content) for holds in _holding_spaces)
        or any(lead in content and odd.search(content) for lead, odd in _ODD.items())
        or _holds_long_text(content)
    )


def _holds_long_text(content: bytes) -> bool:
    """Tell whether more than MAX_TEXT bytes are without a quotation mark; none of an answer's is escaped."""
    mark, end = 0, len(content) - MAX_TEXT
    while 0 <= mark < end:
        mark = content.rfind(b'"', mark + 1, mark + MAX_TEXT + 2)
    return mark < 0


def user_of(found: GraphUser) -> DirectoryUser:
    """Return a listed user. Raises: NeedsAttention if Graph withholds the properties."""
    name = _text(found.user_principal_name)
    if name is None:
        raise unreadable()
    return _clean_user(found, name)


def patch_of(found: GraphUser) -> Fields:
    """Return the fields of DirectoryUser that a change names. Raises: NeedsAttention as `user_of`."""
    fields: Fields = {name: _text(value) for name, read in _READERS if (value := read(found)) is not UNSET}
    if not isinstance(found.user_principal_name, UnsetType):
        name = _text(found.user_principal_name)
        if name is None:
            raise unreadable()
        fields["user_principal_name"] = name
    if not isinstance(found.account_enabled, UnsetType):
        fields["account_enabled"] = found.account_enabled is not False
    if not isinstance(found.user_type, UnsetType):
        fields["guest"] = found.user_type == "Guest"
    if not isinstance(found.business_phones, UnsetType):
        fields["business_phone"] = _first(found.business_phones)
    if not isinstance(found.proxy_addresses, UnsetType):
        fields["aliases"] = _aliases(found.proxy_addresses)
    if not isinstance(found.managers, UnsetType):
        now = [each.id.lower() for each in found.managers if each.removed is UNSET]
        fields["manager"] = now[-1] if now else None
    return fields


def unreadable() -> NeedsAttention:
    """Return the error for users without properties: members are then listed by id only, and everything else is null.

    Source: https://learn.microsoft.com/graph/api/group-list-members (limited information for inaccessible members)
    """
    return NeedsAttention(
        "Microsoft Graph lists users without their properties: grant User.Read.All and consent to it.",
        code="users_unreadable",
    )
