"""A directory user with the properties that a client requests."""

import msgspec


class OrgData(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The organisation's data about a user, which Graph shows as one property.

    Source: https://learn.microsoft.com/graph/api/resources/employeeorgdata
    """

    division: str | None = None
    cost_center: str | None = None


class User(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One user. In JSON, the names are those of Graph.

    Source: https://learn.microsoft.com/graph/api/resources/user
    """

    id: str
    display_name: str | None
    given_name: str | None = None
    surname: str | None = None
    mail: str | None = None
    user_principal_name: str
    account_enabled: bool = True
    user_type: str = "Member"
    business_phones: tuple[str, ...] = ()
    mobile_phone: str | None = None
    department: str | None = None
    job_title: str | None = None
    office_location: str | None = None
    employee_id: str | None = None
    employee_type: str | None = None
    employee_org_data: OrgData | None = None
    proxy_addresses: tuple[str, ...] = ()
    other_mails: tuple[str, ...] = ()
    preferred_language: str | None = None
    company_name: str | None = None
    country: str | None = None
    city: str | None = None
    street_address: str | None = None
    #: Object id of the user's manager: a relationship that only `manager@delta` and `$expand` return.
    manager: str | None = None


MANAGER = "manager"
#: Graph's name of a property -> its name in `User`
USER_FIELDS = {
    wire: name
    for wire, name in zip(User.__struct_encode_fields__, User.__struct_fields__, strict=True)
    if name != MANAGER
}

#: properties that `/users` returns without `$select`
USER_DEFAULT = (
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
)

#: Time of the last sign-in: always null here, and reading it requires its own permission.
SIGN_IN_ACTIVITY = "signInActivity"
#: properties of others that an application with only `User.ReadBasic.All` may read; all others are null
BASIC_PROPERTIES = frozenset({"id", "displayName", "givenName", "surname", "mail", "userPrincipalName"})


def user_value(user: User, name: str) -> object:
    """Return the property `name` (Graph's spelling), or None if users here do not have it."""
    attribute = USER_FIELDS.get(name)
    return None if attribute is None else getattr(user, attribute)
