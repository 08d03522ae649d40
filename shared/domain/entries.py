"""What can be said about an admin's entries before anybody is asked: their shape, and the common mix-ups."""

import re
from typing import Final

import msgspec

from shared.domain.connection import Cloud
from shared.domain.report import Check

#: How many groups one validation reads.
MAX_PROBED_GROUPS: Final = 20
#: From this length on, in characters, a text that is no GUID may be a secret; Entra makes them of 40.
_LONG: Final = 30
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class Entries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The body of a validation: what an admin has entered, the secret included. Never stored or logged as it is."""

    tenant_id: str
    client_id: str
    object_id: str
    client_secret: str
    cloud: Cloud = Cloud.GLOBAL
    login_endpoint: str | None = None
    graph_endpoint: str | None = None
    sso_users: bool = False
    groups: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Entries(tenant_id={self.tenant_id!r}, client_id={self.client_id!r}, client_secret=…)"

    def cleaned(self) -> "Entries":
        """Return the entries without what comes along when they are pasted: space and quotes."""
        return msgspec.structs.replace(
            self,
            tenant_id=_clean(self.tenant_id).lower(),
            client_id=_clean(self.client_id).lower(),
            object_id=_clean(self.object_id).lower(),
            client_secret=_clean(self.client_secret),
            groups=tuple(_clean(group).lower() for group in self.groups),
        )


def _clean(text: str) -> str:
    return text.strip().strip("\"'").strip()


def local_checks(entries: Entries) -> list[Check]:
    """Return every fault that shows without asking anybody; a single passed check if there is none."""
    faults = [
        *_malformed("tenant_id", "tenant id", entries.tenant_id, "Overview of the Entra admin center"),
        *_malformed("client_id", "application (client) id", entries.client_id, "enterprise application's overview"),
        *_malformed("object_id", "object id", entries.object_id, "enterprise application's overview"),
        *_secret(entries.client_secret),
        *_swapped(entries),
        *_equal(entries),
        *_groups(entries.groups),
    ]
    if faults:
        return faults
    return [Check.passed("entries", "The entries are well formed")]


def _malformed(id_: str, name: str, value: str, where: str) -> list[Check]:
    if _GUID.fullmatch(value):
        return []
    if not value:
        return [Check.failed(id_, f"The {name} is missing", f"No {name} was entered.", f"Copy it from the {where}.")]
    detail = f"The {name} must be a GUID such as 8f6a4c1e-0f6b-4d2a-9c57-1d3f5b7a9e02; this is none."
    return [Check.failed(id_, f"The {name} is malformed", detail, f"Copy it from the {where}.")]


def _secret(value: str) -> list[Check]:
    fix = 'Create a new client secret and copy its "Value"; it is shown only once.'
    if not value:
        return [Check.failed("secret", "The client secret is missing", "No secret was entered.", fix)]
    if _GUID.fullmatch(value):
        detail = 'What was entered as secret is a GUID: that is the "Secret ID", not the secret.'
        return [Check.failed("secret", "The secret's id was entered", detail, fix)]
    return []


def _swapped(entries: Entries) -> list[Check]:
    """Tell a secret that stands where an id belongs, while a GUID stands where the secret belongs."""
    ids = {"tenant id": entries.tenant_id, "client id": entries.client_id, "object id": entries.object_id}
    odd = [name for name, value in ids.items() if len(value) >= _LONG and not _GUID.fullmatch(value)]
    if len(odd) != 1 or not _GUID.fullmatch(entries.client_secret):
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


def _equal(entries: Entries) -> list[Check]:
    named = {"tenant id": entries.tenant_id, "client id": entries.client_id, "object id": entries.object_id}
    faults = []
    names = list(named)
    for position, one in enumerate(names):
        for other in names[position + 1 :]:
            if named[one] and named[one] == named[other]:
                detail = f"The {one} and the {other} are the same, but no two of them ever are."
                fix = "Copy each from its own field of the enterprise application's overview."
                faults.append(Check.failed("ids_equal", "Two ids are equal", detail, fix))
    return faults
