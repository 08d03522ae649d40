"""Microsoft Graph's JSON as structs, and a page that is accepted only if it is one."""

import re
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId
from shared.errors import NeedsAttention, Transient

#: What is read about a user: exactly what DirectoryUser holds.
SELECT: Final = (
    "id,userPrincipalName,accountEnabled,userType,displayName,givenName,surname,mail,mobilePhone,businessPhones,"
    "department,jobTitle,officeLocation,employeeId"
)
#: Longest text that is kept, in characters; what is longer is cut.
MAX_TEXT: Final = 1024
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Text = str | None | UnsetType


class GraphUser(msgspec.Struct, rename="camel"):
    """A user as Graph sends it; absent properties are UNSET, which in a delta means unchanged."""

    id: str
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
    removed: dict[str, str] | UnsetType = msgspec.field(default=UNSET, name="@removed")


class GraphGroup(msgspec.Struct, rename="camel"):
    """A group as Graph sends it."""

    id: str
    display_name: str | None = None
    mail: str | None = None
    visibility: str | None = None


class UserPage(msgspec.Struct):
    """A page of users, or of changes about them. `value` is required: without it nothing is a page."""

    value: list[GraphUser]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")
    delta_link: str | None = msgspec.field(default=None, name="@odata.deltaLink")


class GroupPage(msgspec.Struct):
    """A page of groups."""

    value: list[GraphGroup]


class BatchAnswer(msgspec.Struct):
    """One answer within a `$batch`."""

    id: str
    status: int
    body: msgspec.Raw = msgspec.Raw(b"null")
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class BatchAnswers(msgspec.Struct):
    """The answers of a `$batch`, in any order."""

    responses: list[BatchAnswer]


class Membership(msgspec.Struct):
    """The groups, of those asked about, that a user is in."""

    value: list[str]


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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Transient(f"Microsoft Graph gave an answer that is no {kind.__name__}.", code="bad_answer") from error


def user_of(found: GraphUser) -> DirectoryUser:
    """Return a listed user. Raises: NeedsAttention if Graph withholds the properties."""
    name = found.user_principal_name
    if not isinstance(name, str) or not name:
        raise unreadable()
    return DirectoryUser(
        id=ObjectId(found.id.lower()),
        user_principal_name=name,
        account_enabled=found.account_enabled is not False,
        guest=found.user_type == "Guest",
        display_name=_text(found.display_name),
        given_name=_text(found.given_name),
        surname=_text(found.surname),
        mail=_text(found.mail),
        mobile_phone=_text(found.mobile_phone),
        business_phone=_first(found.business_phones),
        department=_text(found.department),
        job_title=_text(found.job_title),
        office_location=_text(found.office_location),
        employee_id=_text(found.employee_id),
    )


def patch_of(found: GraphUser) -> dict[str, str | bool | None]:
    """Return the fields of DirectoryUser that a change names. Raises: NeedsAttention as `user_of`."""
    fields: dict[str, str | bool | None] = {
        name: _text(value) for name in _PLAIN if not isinstance(value := getattr(found, name), UnsetType)
    }
    if found.user_principal_name is None:
        raise unreadable()
    if isinstance(found.user_principal_name, str):
        fields["user_principal_name"] = found.user_principal_name
    if not isinstance(found.account_enabled, UnsetType):
        fields["account_enabled"] = found.account_enabled is not False
    if not isinstance(found.user_type, UnsetType):
        fields["guest"] = found.user_type == "Guest"
    if not isinstance(found.business_phones, UnsetType):
        fields["business_phone"] = _first(found.business_phones)
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
    if not isinstance(value, str):
        return None
    return _CONTROL.sub("", value)[:MAX_TEXT].strip() or None


def _first(values: list[str] | UnsetType | None) -> str | None:
    return _text(values[0]) if isinstance(values, list) and values else None
