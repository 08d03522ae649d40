"""What tests of every kind share: the real storage emulator and local certificates."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from infra.local.azurite import Azurite, running_azurite
from infra.local.stack.certificates import Certificates, ensure_certificates
from infra.package.build import Built, build
from tests.support import seeds

#: Hypothesis fails an example that takes longer than 200 ms. Timings are never asserted here: CI machines differ.
#: It would also try other examples each time: with `SEED=<number>` it does.
settings.register_profile("recipient-sync", deadline=None, derandomize=seeds.GIVEN is None)
settings.load_profile("recipient-sync")


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """A real Azurite on free ports, in memory, shared by the session: each test takes names of its own."""
    with running_azurite(tmp_path_factory.mktemp("azurite") / "azurite.log") as running:
        yield running


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The package, built once: it installs what is deployed and runs the tests of the Graph adapter."""
    folder = tmp_path_factory.mktemp("package")
    return build(folder / "package.zip", folder / "work")


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificate, key and authority for a TLS server on 127.0.0.1."""
    return ensure_certificates(tmp_path_factory.mktemp("tls"))
