"""A vault of one's own and the real clients to talk to it."""

import time
from collections.abc import AsyncIterator
from typing import Self

import jwt
import pytest
from azure.core.credentials import AccessToken
from azure.keyvault.secrets.aio import SecretClient

from infra.local.key_vault import KeyVault
from infra.local.stack.certificates import Certificates


class Credential:
    """Issues the token that it is asked for; `claims` override what is in it."""

    def __init__(self, **claims: object) -> None:
        self._claims = claims
        self.scopes: list[str] = []

    def issue(self, scope: str) -> AccessToken:
        """A token for the audience of `scope`."""
        self.scopes.append(scope)
        expires = int(time.time()) + 3600
        claims = {"aud": scope.removesuffix("/.default"), "exp": expires, **self._claims}
        return AccessToken(jwt.encode(claims, "a key that nobody checks, 32 bytes", algorithm="HS256"), expires)


class SyncCredential(Credential):
    """For the blocking client."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """A token."""
        return self.issue(scopes[0])


class AsyncCredential(Credential):
    """For the asynchronous client."""

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        """A token."""
        return self.issue(scopes[0])

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""


@pytest.fixture
async def vault(tls: Certificates) -> AsyncIterator[KeyVault]:
    """An empty vault."""
    async with KeyVault(cert=tls.cert, key=tls.key) as running:
        yield running


@pytest.fixture
async def client(vault: KeyVault, tls: Certificates) -> AsyncIterator[SecretClient]:
    """The real client, checking the challenge's resource as in production."""
    async with SecretClient(vault.url, AsyncCredential(), connection_verify=str(tls.ca)) as opened:
        yield opened
