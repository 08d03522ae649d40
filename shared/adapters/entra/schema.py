"""Structs of Microsoft Graph's JSON."""

from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, get_args

import msgspec
from msgspec import UNSET, UnsetType

from shared.domain.ids import ObjectId

Text = str | None | UnsetType
#: The form of an object id. Ids become keys, so nothing else is accepted.
_GUID: Final = r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
_GUID_CHARACTERS: Final = 36
Guid = Annotated[str, msgspec.Meta(pattern=rf"\A{_GUID}\Z")]
#: An id after every digit was replaced by a zero, and the translations that do it.
_ZEROS: Final = b"00000000-0000-0000-0000-000000000000"
_LOWER_TO_ZEROS: Final = bytes.maketrans(b"123456789abcdef", b"0" * 15)
_TO_ZEROS: Final = bytes.maketrans(b"123456789abcdefABCDEF", b"0" * 21)
#: A link must not be empty: it could pass for the end of a listing.
Link = Annotated[str, msgspec.Meta(min_length=1)] | None


class Reference(msgspec.Struct):
    """An object that a change names; `removed` if the reference ended."""

    id: Guid
    removed: dict[str, str] | UnsetType = msgspec.field(default=UNSET, name="@removed")


class Identified(msgspec.Struct, gc=False):
    """A user of which only the id is decoded. The page that contains it validates the id."""

    id: Annotated[ObjectId, msgspec.Meta(min_length=_GUID_CHARACTERS, max_length=_GUID_CHARACTERS)]


class EmployeeOrgData(msgspec.Struct, rename="camel", gc=False):
    """The organisation's data about a user: a complex property, which Graph sends as a whole.

    Source: https://learn.microsoft.com/graph/api/resources/employeeorgdata
    """

    cost_center: Text = UNSET


class GraphUser(Identified, rename="camel", gc=False):
    """A user as Graph sends it; absent properties are UNSET, which in a delta means unchanged.

    A text is the field of DirectoryUser with the same name, also inside a complex property, which is a struct here.
    """

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
    street_address: Text = UNSET
    employee_org_data: EmployeeOrgData | UnsetType | None = UNSET
    proxy_addresses: list[str] | UnsetType | None = UNSET
    other_mails: list[str] | UnsetType | None = UNSET
    managers: list[Reference] | UnsetType = msgspec.field(default=UNSET, name="manager@delta")
    removed: dict[str, str] | UnsetType = msgspec.field(default=UNSET, name="@removed")


#: Properties of a user that are requested.
SELECT: Final = ",".join(
    field.encode_name for field in msgspec.structs.fields(GraphUser) if "@" not in field.encode_name
)


def _text_paths(kind: type[msgspec.Struct]) -> Iterator[tuple[str, ...]]:
    for field in msgspec.structs.fields(kind):
        if field.type == Text:
            yield (field.name,)
        for inner in get_args(field.type):
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                yield from ((field.name, *path) for path in _text_paths(inner))


#: Where the texts of a GraphUser are, by name: the attribute, or the attributes that lead to it.
TEXT_PATHS: Final = {path[-1]: path for path in _text_paths(GraphUser)}


class _Roles(msgspec.Struct):
    """The granted application permissions in the claims of an access token."""

    roles: list[str] = []


def roles_of(token: str | None) -> frozenset[str] | None:
    """Return the roles in an access token, unverified; None if there is none, or if it cannot be read."""
    try:
        claims = (token or "").split(".")[1]
        return frozenset(msgspec.json.decode(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=_Roles).roles)
    except (IndexError, ValueError, msgspec.MsgspecError):
        return None


class GraphGroup(msgspec.Struct, rename="camel"):
    """A group as Graph sends it."""

    id: Guid
    display_name: str | None = None
    mail: str | None = None
    visibility: str | None = None


class UserPage(msgspec.Struct, gc=False):
    """A page of users or of changes. `value` is required, and content with an `error` is not a page.

    Graph can fail after it has sent half of a response.
    """

    value: list[GraphUser]
    next_link: Link = msgspec.field(default=None, name="@odata.nextLink")
    delta_link: Link = msgspec.field(default=None, name="@odata.deltaLink")
    error: None = None

    def __post_init__(self) -> None:
        """Validate the object ids and convert them to lower case. A ValueError makes the page invalid."""
        _check_ids(self.value)


class IdPage(msgspec.Struct, gc=False):
    """A page of users by id, as strict as UserPage; decoding it takes half as long."""

    value: list[Identified]
    next_link: Link = msgspec.field(default=None, name="@odata.nextLink")
    error: None = None

    def __post_init__(self) -> None:
        """Validate the object ids and convert them to lower case. A ValueError makes the page invalid."""
        _check_ids(self.value)


def _check_ids(users: Sequence[Identified]) -> None:
    # in one text: a pattern for every id takes as long as decoding all the rest of the page
    ids = "".join([user.id for user in users]).encode("ascii", "replace")
    zeros = _ZEROS * len(users)
    if ids.translate(_LOWER_TO_ZEROS) == zeros:  # Graph sends lower case
        return
    if ids.translate(_TO_ZEROS) != zeros:
        raise ValueError("an id is not a GUID")
    for user in users:
        user.id = ObjectId(user.id.lower())


class GroupPage(msgspec.Struct):
    """A page of groups."""

    value: list[GraphGroup]
    next_link: Link = msgspec.field(default=None, name="@odata.nextLink")
    error: None = None


class PasswordCredential(msgspec.Struct, rename="camel"):
    """A client secret as Graph shows it: its first characters and its expiry."""

    hint: str | None = None
    end_date_time: str | None = None

    @property
    def ends(self) -> datetime | None:
        """The expiry in UTC; None if there is none, or none that can be read.

        Graph sends seven decimals, and 9999-12-31T23:59:59.9999999Z for a secret without an end; the eighth microsecond
        digit is cut, because rounding would leave the range of dates.
        """
        try:
            ends = datetime.fromisoformat(self.end_date_time or "")
        except ValueError:
            return None
        return ends if ends.tzinfo is not None else ends.replace(tzinfo=UTC)


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
    """One response within a `$batch`."""

    id: str
    status: int
    body: msgspec.Raw = msgspec.Raw(b"null")
    headers: dict[str, str] | None = None


class BatchAnswers(msgspec.Struct):
    """The responses of a `$batch`, in any order."""

    responses: list[BatchAnswer]


class Membership(msgspec.Struct):
    """Those of the requested groups that a user is in."""

    value: list[str]
    next_link: Link = msgspec.field(default=None, name="@odata.nextLink")
    error: None = None


class ErrorBody(msgspec.Struct):
    """The inner part of an error."""

    code: str


class Failure(msgspec.Struct):
    """An error as Graph sends it."""

    error: ErrorBody
