"""Users as Microsoft Graph sends them, as users of a directory: texts cleaned, and nothing made up."""

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET, UnsetType

from shared.adapters.graph.wire import GraphUser
from shared.domain.directory import DirectoryUser, Fields
from shared.domain.ids import ObjectId
from shared.errors import NeedsAttention

#: Longest text that is kept, in characters; what is longer is cut.
MAX_TEXT: Final = 1024
#: Most aliases that are kept of one person.
MAX_ALIASES: Final = 50
_SECONDARY: Final = "smtp:"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Without these bytes JSON in UTF-8 has no character that `_CONTROL` finds, and no escape, which could be one.
_SUSPICIOUS: Final = (b"\\", b"\x7f", b"\xc2", b"\xe2")
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


def ids_of(found: Sequence[GraphUser]) -> list[DirectoryUser]:
    """Return listed users of whom only the ids were asked for."""
    return [DirectoryUser.only(ObjectId(each.id.lower())) for each in found]


def users_of(found: Sequence[GraphUser], content: bytes) -> list[DirectoryUser]:
    """Return the users listed in an answer's content. Raises: NeedsAttention if Graph withholds the properties."""
    return list(map(_plain_user if _is_plain(content) else user_of, found))


def _is_plain(content: bytes) -> bool:
    """Tell whether nothing is to be taken out of any text in an answer, and none is too long: most answers are.

    To look at bytes takes next to nothing; to look at each text takes longer than decoding it.
    """
    if any(byte in content for byte in _SUSPICIOUS):
        return False
    # a text that is too long holds one of these stretches whole, and no quotation mark that is not escaped
    stretches = range(0, len(content) - _STRETCH, _STRETCH)
    return all(content.find(b'"', start, start + _STRETCH) >= 0 for start in stretches)


def _plain_user(found: GraphUser) -> DirectoryUser:
    """Return what `user_of` does, of a user whose texts have nothing that is to be taken out."""
    name = found.user_principal_name.strip() if found.user_principal_name else ""
    if not name:
        raise unreadable()
    phones = found.business_phones
    return DirectoryUser(
        ObjectId(found.id.lower()),
        name,
        found.account_enabled is not False,
        found.user_type == "Guest",
        ((text := found.display_name) and text.strip()) or None,
        ((text := found.given_name) and text.strip()) or None,
        ((text := found.surname) and text.strip()) or None,
        ((text := found.mail) and text.strip()) or None,
        ((text := found.mobile_phone) and text.strip()) or None,
        (phones and phones[0].strip()) or None,
        ((text := found.department) and text.strip()) or None,
        ((text := found.job_title) and text.strip()) or None,
        ((text := found.office_location) and text.strip()) or None,
        ((text := found.employee_id) and text.strip()) or None,
        ((text := found.employee_type) and text.strip()) or None,
        ((text := found.company_name) and text.strip()) or None,
        _aliases(found.proxy_addresses),
    )


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


def _first(values: list[str] | UnsetType | None) -> str | None:
    return _text(values[0]) if isinstance(values, list) and values else None
