"""What an admin enters to connect a directory, and what can be said about it before anybody is asked."""

import re
from datetime import datetime
from typing import Annotated, Final

import msgspec

from shared.domain.connections.connection import Cloud, CredentialKind
from shared.domain.connections.validation_report import Check

#: How many groups one validation reads.
MAX_PROBED_GROUPS: Final = 20
#: From this length on, in characters, a text that is no GUID may be a secret; Entra makes them of 40.
_LONG: Final = 30
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
#: In which years a secret can end.
_YEARS: Final = range(2020, 2100)
_DOMAIN: Final = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z]{2,63}")
#: Names that stand for no single directory.
#: Source: https://learn.microsoft.com/entra/identity-platform/v2-protocols#endpoints
_PLACEHOLDERS: Final = frozenset({"common", "organizations", "consumers"})
_OVERVIEW: Final = "the enterprise application's overview"


class CredentialForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Credentials as an admin enters them, including the secret. Never stored or logged in this form."""

    tenant_id: str
    client_id: str
    object_id: str
    #: One of these three proves that we are the application.
    client_secret: str = ""
    #: PEM, or PFX in base64, with its private key; the password is forgotten as soon as it is opened.
    client_certificate: str = ""
    client_certificate_password: str = ""
    federated: bool = False
    cloud: Cloud = Cloud.GLOBAL
    login_endpoint: str | None = None
    graph_endpoint: str | None = None
    #: When the secret ends, as the admin reads it; what the directory itself says goes before it.
    secret_expires_on: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    sso_users: bool = False
    groups: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "CredentialForm(…)"

    @property
    def kind(self) -> CredentialKind:
        """Which kind of credential is meant."""
        if self.federated:
            return CredentialKind.FEDERATED
        return CredentialKind.CERTIFICATE if self.client_certificate else CredentialKind.SECRET

    def cleaned(self) -> "CredentialForm":
        """Return the form without what is pasted along with a value: space, quotes, braces, an address."""
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
    """Return the one GUID that a pasted address, or a GUID in braces, holds; else the text itself."""
    cleaned = _clean(text).lower()
    found = set(_GUID.findall(cleaned))
    return found.pop() if len(found) == 1 and re.search(r"[/{]", cleaned) else cleaned


def local_checks(form: CredentialForm) -> list[Check]:
    """Return every fault that shows without asking anybody; a single passed check if there is none."""
    faults = [
        *_tenant(form.tenant_id),
        *_malformed("client_id", "application (client) id", form.client_id, _OVERVIEW),
        *_malformed("object_id", "object id", form.object_id, _OVERVIEW),
        *_credential(form),
        *_swapped(form),
        *_equal(form),
        *_groups(form.groups),
        *_end(form.secret_expires_on),
    ]
    if faults:
        return faults
    return [Check.passed("entries", "The entries are well formed")]


def _tenant(value: str) -> list[Check]:
    where = "the overview of the Entra admin center"
    if value in _PLACEHOLDERS:
        detail = f"'{value}' names no single directory."
        title = "A placeholder stands for the tenant"
        return [Check.failed("tenant_id", title, detail, f"Copy the tenant id, a GUID, from {where}.")]
    if _DOMAIN.fullmatch(value):
        detail = "What was entered as tenant id is a domain name."
        title = "A domain stands for the tenant"
        return [Check.failed("tenant_id", title, detail, f"Copy the tenant id, a GUID, from {where}.")]
    return _malformed("tenant_id", "tenant id", value, where)


def _malformed(id_: str, name: str, value: str, where: str) -> list[Check]:
    if _GUID.fullmatch(value):
        return []
    if not value:
        return [Check.failed(id_, f"The {name} is missing", f"No {name} was entered.", f"Copy it from {where}.")]
    detail = f"The {name} must be a GUID such as 8f6a4c1e-0f6b-4d2a-9c57-1d3f5b7a9e02; this is none."
    return [Check.failed(id_, f"The {name} is malformed", detail, f"Copy it from {where}.")]


def _credential(form: CredentialForm) -> list[Check]:
    given = [bool(form.client_secret), bool(form.client_certificate), form.federated]
    if sum(given) > 1:
        detail = "Of client secret, certificate and federated identity more than one was entered."
        return [Check.failed("secret", "More than one credential", detail, "Enter one, and leave the others empty.")]
    return [] if any(given[1:]) else _secret(form.client_secret)


def _secret(value: str) -> list[Check]:
    fix = 'Create a new client secret and copy its "Value"; it is shown only once.'
    if not value:
        return [Check.failed("secret", "The client secret is missing", "No secret was entered.", fix)]
    if _GUID.fullmatch(value):
        detail = 'What was entered as secret is a GUID: that is the "Secret ID", not the secret.'
        return [Check.failed("secret", "The secret's id was entered", detail, fix)]
    return []


def _swapped(form: CredentialForm) -> list[Check]:
    """Tell a secret that stands where an id belongs, while a GUID stands where the secret belongs."""
    ids = {"tenant id": form.tenant_id, "client id": form.client_id, "object id": form.object_id}
    odd = [name for name, value in ids.items() if len(value) >= _LONG and not _GUID.fullmatch(value)]
    if len(odd) != 1 or not _GUID.fullmatch(form.client_secret):
        return []
    detail = f"The secret's field holds a GUID, and the {odd[0]}'s field holds none: they may be swapped."
    fix = f"Swap the {odd[0]} and the client secret."
    return [Check.failed("swapped", "Two entries may be swapped", detail, fix)]


def _groups(groups: tuple[str, ...]) -> list[Check]:
    fix = "Copy each group's object id from its overview, or leave the groups out."
    if len(groups) > MAX_PROBED_GROUPS:
        detail = f"{len(groups)} groups are to be read; a validation reads at most {MAX_PROBED_GROUPS}."
        return [Check.failed("groups", "Too many groups", detail, fix)]
    if any(not _GUID.fullmatch(group) for group in groups):
        return [Check.failed("groups", "A group's id is malformed", "A group's object id must be a GUID.", fix)]
    return []


def _end(ends: datetime | None) -> list[Check]:
    if ends is None or ends.year in _YEARS:
        return []
    detail = f"The year {ends.year} is not one in which a secret ends."
    fix = "Copy the date from the app registration's page, or leave it out."
    return [Check.failed("secret_expiry", "The end of the secret is no likely date", detail, fix)]


def _equal(form: CredentialForm) -> list[Check]:
    named = {"tenant id": form.tenant_id, "client id": form.client_id, "object id": form.object_id}
    faults = []
    names = list(named)
    for position, one in enumerate(names):
        for other in names[position + 1 :]:
            if named[one] and named[one] == named[other]:
                detail = f"The {one} and the {other} are the same, but no two of them ever are."
                fix = "Copy each from its own field of the enterprise application's overview."
                faults.append(Check.failed("ids_equal", "Two ids are equal", detail, fix))
    return faults


def swap_suggestions(form: CredentialForm) -> list[dict[str, str]]:
    """Return the ids in every other order, the likeliest mix-ups first.

    Client and object id are side by side on one page, and are mixed up most often.
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
