"""Users as Microsoft Graph sends them, as users of a directory: texts cleaned, and nothing made up."""

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET, UnsetType

from shared.adapters.graph.wire import GraphUser, Identified
from shared.domain.directory import DirectoryUser, Fields
from shared.domain.ids import ObjectId
from shared.errors import NeedsAttention

#: Longest text that is kept, in characters; what is longer is cut.
MAX_TEXT: Final = 1024
#: Most aliases that are kept of one person.
MAX_ALIASES: Final = 50
_SECONDARY: Final = "smtp:"
_QUOTED_SECONDARY: Final = f'"{_SECONDARY}'.encode()
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Without these bytes JSON in UTF-8 has no escape, no character that `_CONTROL` finds, and no text that begins or ends
#: with white space, of which most is among them; what is left is U+1680 and U+3000.
#: A single byte is looked for forty times as fast as several, and several by a pattern of nothing else.
_SUSPICIOUS: Final = (b"\\", b"\x7f", b"\xc2", b"\xe2")
_SPACES_OUTSIDE: Final = re.compile(rb'" '), re.compile(rb' "')
_OTHER_SPACES: Final = re.compile(rb"\xe1\x9a\x80"), re.compile(rb"\xe3\x80\x80")
_STRETCH: Final = MAX_TEXT // 2
_PLAIN: Final = (
    "display_name",
    "given_name",
    "surname",
    "mail",
    "mobile_phone",
    "department",
    "job_title",
    "office_location",
    "employee_id",
    "employee_type",
    "company_name",
)


def ids_of(found: Sequence[Identified]) -> list[DirectoryUser]:
    """Return listed users of whom only the ids were asked for."""
    return list(map(DirectoryUser.only, _ids(found)))


def _ids(found: Sequence[Identified]) -> list[ObjectId]:
    """Return everybody's id, in lower case: Graph's own are, and to look at all at once takes a tenth of the time."""
    ids = [ObjectId(each.id) for each in found]
    whole = "".join(ids)
    return ids if whole == whole.lower() else [ObjectId(each.lower()) for each in ids]


def users_of(found: Sequence[GraphUser], content: bytes) -> list[DirectoryUser]:
    """Return the users listed in an answer's content. Raises: NeedsAttention if Graph withholds the properties."""
    if not _is_plain(content):
        return list(map(user_of, found))
    if not all(each.user_principal_name for each in found):
        raise unreadable()
    aliases = _aliases if _QUOTED_SECONDARY in content else _no_aliases
    return [
        DirectoryUser(  # by position, which takes half as long
            ObjectId(each.id.lower()),
            each.user_principal_name,  # type: ignore[arg-type] # it is there: see above
            each.account_enabled is not False,
            each.user_type == "Guest",
            each.display_name or None,
            each.given_name or None,
            each.surname or None,
            each.mail or None,
            each.mobile_phone or None,
            ((phones := each.business_phones) and phones[0]) or None,
            each.department or None,
            each.job_title or None,
            each.office_location or None,
            each.employee_id or None,
            each.employee_type or None,
            each.company_name or None,
            aliases(each.proxy_addresses),
        )
        for each in found
    ]


def _is_plain(content: bytes) -> bool:
    """Tell whether nothing is to be taken off or out of any text in an answer, and none is too long: most answers are.

    To look at bytes takes next to nothing; to look at each text takes longer than decoding it.
    """
    if any(byte in content for byte in _SUSPICIOUS) or any(each.search(content) for each in _SPACES_OUTSIDE):
        return False
    if any(each.pattern[:1] in content and each.search(content) for each in _OTHER_SPACES):
        return False
    # a text that is too long holds one of these stretches whole, and no quotation mark that is not escaped
    stretches = range(0, len(content) - _STRETCH, _STRETCH)
    return all(content.find(b'"', start, start + _STRETCH) >= 0 for start in stretches)


def user_of(found: GraphUser) -> DirectoryUser:
    """Return a listed user. Raises: NeedsAttention if Graph withholds the properties."""
    name = _text(found.user_principal_name)
    if name is None:
        raise unreadable()
    return DirectoryUser(  # by position, which takes half as long
        ObjectId(found.id.lower()),
        name,
        found.account_enabled is not False,
        found.user_type == "Guest",
        _text(found.display_name),
        _text(found.given_name),
        _text(found.surname),
        _text(found.mail),
        _text(found.mobile_phone),
        _first(found.business_phones),
        _text(found.department),
        _text(found.job_title),
        _text(found.office_location),
        _text(found.employee_id),
        _text(found.employee_type),
        _text(found.company_name),
        _aliases(found.proxy_addresses),
    )


def patch_of(found: GraphUser) -> Fields:
    """Return the fields of DirectoryUser that a change names. Raises: NeedsAttention as `user_of`."""
    fields: Fields = {name: _text(value) for name in _PLAIN if not isinstance(value := getattr(found, name), UnsetType)}
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


def _no_aliases(_values: list[str] | UnsetType | None) -> tuple[str, ...]:
    return ()


def _first(values: list[str] | UnsetType | None) -> str | None:
    return _text(values[0]) if isinstance(values, list) and values else None
