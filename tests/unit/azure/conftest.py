"""The stored snapshots of the two environments."""

import pytest

from infra.azure.snapshot import ENVIRONMENTS, Snapshot


@pytest.fixture(params=ENVIRONMENTS)
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    """Return the snapshot of each environment."""
    return Snapshot.load(request.param)


@pytest.fixture
def prod() -> Snapshot:
    """Return the snapshot of `prod`, with network, zones, sign-in and a further table account."""
    return Snapshot.load("prod")
