"""Microsoft Graph's JSON as structs, and a page that is accepted only if it is one."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.directory import DirectoryUser, Fields
from shared.domain.ids import ObjectId
from shared.errors import NeedsAttention, Transient

#: What is read about a user: exactly what DirectoryUser holds.
SELECT: Final = (
    "id,userPrincipalName,accountEnabled,userType,displayName,givenName,surname,mail,mobilePhone,businessPhones,"
    "department,jobTitle,officeLocation,employeeId,employeeType,companyName,proxyAddresses"
)
#: Longest text that is kept, in characters; what is longer is cut.
MAX_TEXT: Final = 1024
#: Most aliases that are kept of one person.
MAX_ALIASES: Final = 50
_SECONDARY: Final = "smtp:"
#: Every escape of a JSON text in turn; `lone` is half of a surrogate pair, which stands for no character.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Without these bytes JSON in UTF-8 has no character that `_CONTROL` finds, and no escape, which could be one.
_SUSPICIOUS: Final = (b"\\", b"\x7f", b"\xc2", b"\xe2")
_STRETCH: Final = MAX_TEXT // 2

Text = str | None | UnsetType
#: An object id; anything else is no answer of a directory, and would become a key.
_GUID: Final = r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
_GUID_CHARACTERS: Final = 36
Guid = Annotated[str, msgspec.Meta(pattern=rf"\A{_GUID}\Z")]
#: Ids of so many characters each, one behind the other.
_GUIDS: Final = re.compile(rf"(?:{_GUID})*")
#: A link that is there must lead somewhere: an empty one must not pass for the end of a listing.
Link = Annotated[str, msgspec.Meta(min_length=1)] | None


class Reference(msgspec.Struct):
    """An object that a change names, and whether it is referred to no more."""

    id: Guid
    removed: dict[str, str] | UnsetType = msgspec.field(default=UNSET, name="@removed")


class GraphUser(msgspec.Struct, rename="camel", gc=False):
    """A user as Graph sends it; absent properties are UNSET, which in a delta means unchanged.

    Its id is held to be one by whatever it is decoded as a part of.
    """

    id: Annotated[str, msgspec.Meta(min_length=_GUID_CHARACTERS, max_length=_GUID_CHARACTERS)]
    user_principal_name: Text = UNSET
    account_enabled: bool | UnsetType | None = UNSET
    user_type: Text = UNSET
    display_name: Text = UNSET
    given_name: Text = UNSET
    surname: Text = UNSET
    mail: Text = UNSET
    mobile_phone: Text = UNSET
    business_phones: list[str] | UnsetType | None = UNSET
    department: Text = UNSET
    job_title: Text = UNSET
    office_location: Text = UNSET
    employee_id: Text = UNSET
    employee_type: Text = UNSET
    company_name: Text = UNSET
    proxy_addresses: list[str] | UnsetType | None = UNSET
    managers: list[Reference] | UnsetType = msgspec.field(default=UNSET, name="manager@delta")
    removed: dict[str, str] | UnsetType = msgspec.field(default=UNSET, name="@removed")


class GraphGroup(msgspec.Struct, rename="camel"):
    """A group as Graph sends it."""

    id: Guid
    display_name: str | None = None
    mail: str | None = None
    visibility: str | None = None


class UserPage(msgspec.Struct, gc=False):
    """A page of users, or of changes about them. `value` is required: without it nothing is a page.

    With an `error` nothing is one either, whatever else it holds: Graph can fail when half of the answer is sent.
    """

    value: list[GraphUser]
    next_link: Link = msgspec.field(default=None, name="@odata.nextLink")
    delta_link: Link = msgspec.field(default=None, name="@odata.deltaLink")
    error: None = None

    def __post_init__(self) -> None:
        """Hold if everybody has an object id. Raises: ValueError, which makes the page an invalid one."""
        # all at once: a pattern for each takes as long as decoding all the rest of the page
        if not _GUIDS.fullmatch("".join([user.id for user in self.value])):
            raise ValueError("an id is no GUID")


class GroupPage(msgspec.Struct):
    """A page of groups."""

    value: list[GraphGroup]
    next_link: Link = msgspec.field(default=None, name="@odata.nextLink")
    error: None = None


class PasswordCredential(msgspec.Struct, rename="camel"):
    """A client secret as Graph shows it: its first characters and its end."""

    hint: str | None = None
    end_date_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class GraphApplication(msgspec.Struct, rename="camel"):
    """An app registration as Graph sends it."""

    id: Guid
    password_credentials: list[PasswordCredential] = []


class AppRoleAssignment(msgspec.Struct, rename="camel"):
    """One assignment to an enterprise application."""

    principal_id: Guid
    principal_type: str


class AssignmentPage(msgspec.Struct):
    """A page of assignments."""

    value: list[AppRoleAssignment]
    next_link: Link = msgspec.field(default=None, name="@odata.nextLink")
    error: None = None


class BatchAnswer(msgspec.Struct):
    """One answer within a `$batch`."""

    id: str
    status: int
    body: msgspec.Raw = msgspec.Raw(b"null")
    headers: dict[str, str] | None = None


class BatchAnswers(msgspec.Struct):
    """The answers of a `$batch`, in any order."""

    responses: list[BatchAnswer]


class Membership(msgspec.Struct):
    """The groups, of those asked about, that a user is in."""

    value: list[str]
    error: None = None


class ErrorBody(msgspec.Struct):
    """The inner part of an error."""

    code: str


class Failure(msgspec.Struct):
    """An error as Graph sends it."""

    error: ErrorBody


T = TypeVar("T")
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


def decode(content: bytes | None, kind: type[T]) -> T:
    """Return an answer's content. Raises: Transient if it is anything else than what was asked for.

    An empty answer, HTML, cut-off JSON, a body without `value` and an error in a 200 all end here: none of them may
    pass for a last page.
    """
    if not content:
        raise Transient("Microsoft Graph gave an empty answer; try again.", code="bad_answer")
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Transient(f"Microsoft Graph gave an answer that is no {kind.__name__}.", code="bad_answer") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = _mended(content)
    try:
        return msgspec.json.decode(mended, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Transient(f"Microsoft Graph gave an answer that is no {kind.__name__}.", code="bad_answer") from error


def _mended(content: bytes) -> bytes:
    """Return JSON whose text is well formed: names cut within an emoji must not make their page unreadable for ever."""
    return _ESCAPE.sub(
        lambda found: rb"\ufffd" if found["lone"] else found[0], content.decode(errors="replace").encode()
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
