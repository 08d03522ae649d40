"""A simulator with a hundredth of the sample users, new for every test."""

import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest

from infra.local.entra.server import EntraSimulator
from infra.local.stack.certificates import Certificates
from tests.contracts.stand_ins.entra.talking import Talk

SCALE = 0.01


@pytest.fixture
async def entra(tls: Certificates) -> AsyncIterator[EntraSimulator]:
    """Contoso has 100 users, fabrikam 30, adatum 5."""
    environment = {"IDENTITY_HEADER": "the header"}
    async with EntraSimulator(cert=tls.cert, key=tls.key, scale=SCALE, environment=environment) as running:
        yield running


@pytest.fixture
async def talk(entra: EntraSimulator, tls: Certificates) -> AsyncIterator[Talk]:
    """A client for it."""
    async with aiohttp.ClientSession() as session:
        yield Talk(entra, session, ssl.create_default_context(cafile=str(tls.ca)))
