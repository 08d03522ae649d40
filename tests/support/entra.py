"""A simulator of the login service and Graph that the adapters trust, and its admin API with faults."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import jwt
import pytest

from infra.local.demo.simulator import Simulator
from infra.local.entra.server import EntraSimulator
from infra.local.stack.certificates import Certificates

#: The header by which the managed identity's endpoint knows the app.
IDENTITY_HEADER = "the header"
_EXCHANGE = "api://AzureADTokenExchange"


class Broken(Simulator):
    """The simulator's admin API, with faults."""

    async def fault(self, path: str, action: dict[str, Any], **matching: object) -> None:
        """Spoil the answers to requests whose path matches."""
        await self.call("POST", "/faults", {"path": path, "count": 1, **matching, "action": action})

    async def refuse(self, code: int, *, count: int = 0) -> None:
        """Let the login service refuse everybody with this AADSTS number, `count` times, or always for 0."""
        await self.fault("", {"type": "aadsts", "code": code}, where="login", count=count)

    async def trust_identity(self, directory: str = "contoso", *, subject: str = "", home: str = "") -> None:
        """Let the application trust the app's managed identity, or another subject of the same issuer.

        The identity lives in the directory `home`, by default that of the application: Entra refuses all others.
        """
        await self.call("PATCH", "/settings", {"operator": home or directory})
        query = {"resource": _EXCHANGE, "api-version": "2019-08-01"}
        address = self._base.removesuffix("/admin") + "/identity"
        headers = {"X-IDENTITY-HEADER": IDENTITY_HEADER}
        async with self._session.get(address, params=query, headers=headers) as response:
            token = (await response.json(content_type=None))["access_token"]
        claims = jwt.decode(token, options={"verify_signature": False})
        trusted = {"issuer": claims["iss"], "subject": subject or claims["sub"], "audience": claims["aud"]}
        await self.call("POST", f"/directories/{directory}/credentials", trusted)


@asynccontextmanager
async def trusted_entra(tls: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EntraSimulator]:
    """Contoso has 100 users, fabrikam 30 users and 40 groups; certificate and identity are found as in Azure."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.bundle))
    monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
    # aiohttp read that variable when it was imported, long before this test
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context())
    environment = {"IDENTITY_HEADER": IDENTITY_HEADER}
    async with EntraSimulator(cert=tls.cert, key=tls.key, scale=0.01, environment=environment) as running:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{running.admin}/identity")
        yield running
