"""Certificates and the app's own identity in place of a client secret, against the login service's simulator."""

import base64

import pytest

from infra.local.entra.server import EntraSimulator
from shared.adapters.certificates import X509CertificateReader
from shared.adapters.entra import GraphDirectoryFactory
from shared.domain.connections.entra.credentials import (
    ClientCertificate,
    Credentials,
    Endpoints,
    FederatedIdentity,
    Proof,
)
from shared.domain.directory import Source
from shared.errors import LoginRefused, NeedsAttention, Transient
from tests.support.certificates import pair
from tests.support.entra import Broken


async def credentials(entra: EntraSimulator, simulator: Broken, proof: Proof) -> Credentials:
    """Return what reads contoso by another proof than its secret."""
    known = await simulator.call("GET", "/directories/contoso")
    return Credentials(
        azure_tenant_id=known["azure_tenant_id"],
        client_id=known["application_id"],
        proof=proof,
        endpoints=Endpoints(login=entra.login, graph=entra.graph),
    )


@pytest.mark.parametrize("form", ["pem", "pfx"])
async def test_a_certificate_signs_in(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory, form: str
) -> None:
    """As it was entered, read once, and as it then lies in Key Vault."""
    made = pair()
    await simulator.call("POST", "/directories/contoso/credentials", {"certificate_pem": made.public})
    entered = made.pem("pass") if form == "pem" else base64.b64encode(made.pfx("pass")).decode()
    stored = (await X509CertificateReader().read(entered, "pass")).pem
    async with factory.open(await credentials(entra, simulator, ClientCertificate(value=stored))) as directory:
        assert (await directory.token()).roles
        assert len((await directory.users(Source())).users) == 100


async def test_a_certificate_that_was_not_uploaded_is_refused(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """With its AADSTS number."""
    await simulator.call("POST", "/directories/contoso/credentials", {"certificate_pem": pair().public})
    proof = ClientCertificate(value=(await X509CertificateReader().read(pair().pem(), "")).pem)
    with pytest.raises(LoginRefused) as refused:
        async with factory.open(await credentials(entra, simulator, proof)) as directory:
            await directory.token()
    assert refused.value.code == "AADSTS700027"


async def test_a_certificate_that_somebody_spoiled_in_the_vault(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """It is the credentials' fault, and nothing of them is repeated."""
    proof = ClientCertificate(value="-----BEGIN nothing")
    with pytest.raises(NeedsAttention) as refused:
        async with factory.open(await credentials(entra, simulator, proof)) as directory:
            await directory.token()
    assert refused.value.code == "invalid_certificate"
    assert "nothing" not in str(refused.value)


async def test_the_apps_own_identity_signs_in(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """Once an application of the identity's own directory trusts it; nothing secret is entered or kept."""
    wanted = await credentials(entra, simulator, FederatedIdentity())
    with pytest.raises(LoginRefused) as refused:
        async with factory.open(wanted) as directory:
            await directory.token()
    assert refused.value.code == "AADSTS70021"
    await simulator.trust_identity()
    async with factory.open(wanted) as directory:
        assert (await directory.token()).roles
        assert len((await directory.users(Source())).users) == 100


async def test_without_an_identity_nobody_but_the_operator_can_help(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fault of the customer's: the error passes once the operator has given the app one."""
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises(Transient) as refused:
        async with factory.open(await credentials(entra, simulator, FederatedIdentity())) as directory:
            await directory.token()
    assert refused.value.code == "identity"


async def test_trouble_that_passes_is_waited_for(
    entra: EntraSimulator, simulator: Broken, factory: GraphDirectoryFactory
) -> None:
    """AADSTS90033 once or twice is nobody's business; a wrong secret is refused at once."""
    await simulator.trust_identity()
    await simulator.fault("", {"type": "aadsts", "code": 90033}, where="login", count=2)
    async with factory.open(await credentials(entra, simulator, FederatedIdentity())) as directory:
        assert (await directory.token()).roles
