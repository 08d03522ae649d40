"""What a caller does in several requests, one after the other, and what the timer of the watchdog does."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from shared.bootstrap import App
from shared.domain.connections.connection import SsoApplication
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.ids import LocationId, ObjectId, TenantId
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.group_mapping import GroupMapping
from shared.domain.preferences.preferences import Preferences
from shared.domain.run import Run
from shared.telemetry import RequestCounters
from tests.support.builders import BACK_END, person
from tests.support.fakes import FakeDirectory

#: The person who sends requests.
BY: Final = "anna"
SSO: Final = SsoApplication(client_id=person(50))


def form_of(directory: FakeDirectory) -> CredentialForm:
    """Return the credentials with which a directory can be read now."""
    return CredentialForm(
        tenant_id=directory.azure_tenant_id,
        client_id=directory.client_id,
        object_id=directory.object_id,
        client_secret=directory.secret,
    )


async def connect(app: App, tenant: TenantId, directory: FakeDirectory) -> None:
    """Enter the sign-in application and the credentials."""
    await app.connect.put_sso(tenant, SSO)
    await app.connect.connect(tenant, form_of(directory), BACK_END)


async def upload(app: App, tenant: TenantId, location: LocationId, mode: ImportMode, parts: Sequence[bytes]) -> Run:
    """Upload a file in parts, start its import, and return the run."""
    created = await app.upload_import.create(tenant, location, mode, BY)
    for number, content in enumerate(parts, 1):
        await app.upload_import.put_part(created.ref, number, content)
    return await app.upload_import.start(created.ref, len(parts), sha256(b"".join(parts)).hexdigest(), "")


async def create_tenant(
    app: App,
    tenant: TenantId,
    directory: FakeDirectory,
    preferences: Preferences,
    mapping: Mapping[LocationId, Sequence[ObjectId]],
) -> None:
    """Create a tenant with its locations and their groups, and connect its directory. It may exist in part."""
    await app.tenants.put(tenant, tenant)
    await app.preferences.put(tenant, preferences)
    for location, groups in mapping.items():
        await app.locations.put(tenant, location, location)
        await app.locations.put_mapping(tenant, location, [GroupMapping(id=group) for group in groups])
    await connect(app, tenant, directory)


async def watchdog(app: App) -> None:
    """Do what the timer of the watchdog does."""
    counters = RequestCounters()
    await app.watchdog(counters)
    await app.erase_person.complete()
    await app.dead_letters.collect(counters)
    await app.gauges()
    await app.retention()
