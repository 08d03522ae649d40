"""Credential form: the values that an admin enters, and the checks that need no request to Microsoft."""

import re
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final

import msgspec

from shared.domain.connections.connection import ConnectionForm
from shared.domain.connections.entra.credentials import Cloud, CredentialKind
from shared.domain.connections.validation_report import Check

#: Name of the provider in stored connections.
PROVIDER: Final = "entra"
#: Maximum number of groups that one validation reads.
MAX_PROBED_GROUPS: Final = 20
#: Minimum length in characters of a text that may be a secret; Entra creates secrets of 40 characters.
_LONG: Final = 30
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
#: Plausible years for the expiry of a secret.
_YEARS: Final = range(2020, 2100)
#: Expiry that Entra shows for a secret that never expires.
_NEVER: Final = datetime.max.replace(microsecond=0, tzinfo=UTC)
_DOMAIN: Final = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}")
#: Names accepted by the login service that do not identify one directory.
#: Source: https://learn.microsoft.com/entra/identity-platform/v2-protocols#endpoints
_PLACEHOLDERS: Final = frozenset({"common", "organizations", "consumers"})
_OVERVIEW: Final = "the overview page of the enterprise application"


class CredentialForm(ConnectionForm, frozen=True, kw_only=True):
    """Credentials as an admin enters them, including the secret. Never stored or logged in this form."""

    provider: ClassVar[str] = PROVIDER

    tenant_id: str
    client_id: str
    object_id: str
    #: Exactly one of these three is the credential.
    client_secret: str = ""
    #: PEM, or PFX in base64, with its private key. The password is used once and not stored.
    client_certificate: str = ""
    client_certificate_password: str = ""
    federated: bool = False
    cloud: Cloud = Cloud.GLOBAL
    login_endpoint: str | None = None
    graph_endpoint: str | None = None
    #: Expiry of the secret as entered; a date read from the directory has priority.
    secret_expires_on: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    sso_users: bool = False
    groups: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "CredentialForm(…)"

    @property
    def kind(self) -> CredentialKind:
        """The kind of the entered credential."""
        if self.federated:
            return CredentialKind.FEDERATED
        return CredentialKind.CERTIFICATE if self.client_certificate else CredentialKind.SECRET

    def cleaned(self) -> "CredentialForm":
        """Return the form without characters that are often pasted along: whitespace, quotes, braces, or a URL."""
        return msgspec.structs.replace(
            self,
            tenant_id=_clean_id(self.tenant_id),
            client_id=_clean_id(self.client_id),
            object_id=_clean_id(self.object_id),
            client_secret=_clean(self.client_secret),
            client_certificate=self.client_certificate.strip(),
            groups=tuple(_clean_id(group) for group in self.groups),
        )


def _clean(text: str) -> str:
    return text.strip().strip("\"'").strip()


def _clean_id(text: str) -> str:
    """Return the only GUID in a pasted URL or in braces; otherwise the cleaned text."""
    cleaned = _clean(text).lower()
    guids = set(_GUID.findall(cleaned))
    return guids.pop() if len(guids) == 1 and re.search(r"[/{]", cleaned) else cleaned


def local_checks(form: CredentialForm) -> list[Check]:
    """Return all faults that are visible without a request; one passed check if the entries are valid."""
    faults = [
        *_tenant(form.tenant_id),
        *_malformed("client_id", "application (client) ID", form.client_id, _OVERVIEW),
        *_malformed("object_id", "object ID", form.object_id, _OVERVIEW),
        *_credential(form),
        *_swapped(form),
        *_equal(form),
        *_groups(form.groups),
        *_end(form.secret_expires_on),
    ]
    if faults:
        return faults
    return [Check.passed("entries", "The entries have the right format")]


def _tenant(value: str) -> list[Check]:
    where = "the overview page of the Entra admin center"
    if value in _PLACEHOLDERS:
        detail = f"'{value}' does not identify one directory."
        title = "A placeholder was entered instead of a tenant ID"
        return [Check.failed("tenant_id", title, detail, f"Copy the tenant ID, a GUID, from {where}.")]
    if _DOMAIN.fullmatch(value):
        detail = "The entered tenant ID is a domain name."
        title = "A domain was entered instead of a tenant ID"
        return [Check.failed("tenant_id", title, detail, f"Copy the tenant ID, a GUID, from {where}.")]
    return _malformed("tenant_id", "tenant ID", value, where)


def _malformed(id_: str, name: str, value: str, where: str) -> list[Check]:
    if _GUID.fullmatch(value):
        return []
    if not value:
        return [Check.failed(id_, f"The {name} is missing", f"The {name} was not entered.", f"Copy it from {where}.")]
    detail = f"The {name} must be a GUID such as 8f6a4c1e-0f6b-4d2a-9c57-1d3f5b7a9e02; this value is not a GUID."
    return [Check.failed(id_, f"The {name} is not valid", detail, f"Copy it from {where}.")]


def _credential(form: CredentialForm) -> list[Check]:
    given = [bool(form.client_secret), bool(form.client_certificate), form.federated]
    if sum(given) > 1:
        detail = "More than one of client secret, certificate and federated identity was entered."
        return [
            Check.failed("secret", "More than one credential", detail, "Enter one of them and leave the others empty.")
        ]
    return [] if any(given[1:]) else _secret(form.client_secret)


def _secret(value: str) -> list[Check]:
    fix = 'Create a new client secret and copy its "Value"; it is shown only once.'
    if not value:
        return [Check.failed("secret", "The client secret is missing", "The client secret was not entered.", fix)]
    if _GUID.fullmatch(value):
        detail = 'The entered secret is a GUID: that is the "Secret ID", not the secret.'
        return [Check.failed("secret", "The secret ID was entered instead of the secret", detail, fix)]
    return []


def _swapped(form: CredentialForm) -> list[Check]:
    """Return a fault if the secret and an ID seem to be swapped: the secret is a GUID and one ID is not."""
    ids = {"tenant ID": form.tenant_id, "client ID": form.client_id, "object ID": form.object_id}
    odd = [name for name, value in ids.items() if len(value) >= _LONG and not _GUID.fullmatch(value)]
    if len(odd) != 1 or not _GUID.fullmatch(form.client_secret):
        return []
    detail = f"The client secret is a GUID, but the {odd[0]} is not. They may be swapped."
    fix = f"Swap the {odd[0]} and the client secret."
    return [Check.failed("swapped", "Two entries may be swapped", detail, fix)]


def _groups(groups: tuple[str, ...]) -> list[Check]:
    fix = "Copy the object ID of each group from its overview page, or remove the groups."
    if len(groups) > MAX_PROBED_GROUPS:
        detail = f"{len(groups)} groups were entered; one check reads at most {MAX_PROBED_GROUPS}."
        return [Check.failed("groups", "Too many groups", detail, fix)]
    if any(not _GUID.fullmatch(group) for group in groups):
        return [
            Check.failed(
                "groups", "The object ID of a group is not valid", "The object ID of a group must be a GUID.", fix
            )
        ]
    return []


def _end(ends: datetime | None) -> list[Check]:
    if ends is None or ends.year in _YEARS or ends.replace(microsecond=0) == _NEVER:
        return []
    detail = f"A secret does not expire in the year {ends.year}."
    fix = "Copy the date from the app registration, or leave it empty."
    return [Check.failed("secret_expiry", "The expiry date looks wrong", detail, fix)]


def _equal(form: CredentialForm) -> list[Check]:
    named = {"tenant ID": form.tenant_id, "client ID": form.client_id, "object ID": form.object_id}
    faults = []
    names = list(named)
    for position, one in enumerate(names):
        for other in names[position + 1 :]:
            if named[one] and named[one] == named[other]:
                title = f"{one[0].upper()}{one[1:]} and {other} are identical"
                detail = f"The {one} and the {other} always have different values."
                fix = f"Copy each ID from its own field on {_OVERVIEW}."
                faults.append(Check.failed("ids_equal", title, detail, fix))
    return faults


def swap_suggestions(form: CredentialForm) -> list[dict[str, str]]:
    """Return the ids in all other orders, the most likely confusion first.

    The client id and the object id are shown side by side on one page and are confused most often.
    """
    tenant, client, object_ = form.tenant_id, form.client_id, form.object_id
    orders = (
        (tenant, object_, client),
        (client, tenant, object_),
        (object_, client, tenant),
        (client, object_, tenant),
        (object_, tenant, client),
    )
    return [{"tenantId": one, "clientId": two, "objectId": three} for one, two, three in orders]
