"""A deployment in memory with one directory, for workflows that are called one at a time."""

import pytest

from shared.bootstrap import App, Ports
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.ids import ObjectId, TenantId
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory, directories_of, fake_ports
from tests.support.world import SETTINGS


@pytest.fixture
def ports() -> Ports:
    """Stores, queues, vault and directories in memory."""
    return fake_ports()


@pytest.fixture
def app(ports: Ports) -> App:
    """The workflows on them."""
    return App(ports, SETTINGS)


@pytest.fixture
def directory(ports: Ports) -> FakeDirectory:
    """A directory with two people and one group."""
    directory = directories_of(ports).add(FakeDirectory())
    directory.put(user(1), user(2))
    directory.members[ObjectId(person(100))] = [person(1)]
    return directory


@pytest.fixture
def entries(directory: FakeDirectory) -> CredentialForm:
    """What an admin enters who makes no mistake."""
    return CredentialForm(
        tenant_id=directory.azure_tenant_id,
        client_id=directory.client_id,
        object_id=directory.object_id,
        client_secret=directory.secret,
    )


@pytest.fixture
async def contoso(app: App) -> TenantId:
    """A tenant that has only its name."""
    tenant = TenantId("contoso")
    await app.tenants.put(tenant, "Contoso")
    return tenant
