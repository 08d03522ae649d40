"""A login service that a test plays, and the adapter in front of it."""

import asyncio
import json
import time
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.adapters.sign_in import EntraSignIn
from shared.errors import Unauthenticated
from shared.settings import SignInSettings
from tests.support.builders import person

AUDIENCE, TENANT, PERSON = person(999), person(900), person(1)


class Keys:
    """A login service's signing keys; `published` is what it answers, `asked` how often it was."""

    def __init__(self) -> None:
        self.mine = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self.url = ""
        self.asked = 0
        self.status = 200
        self.pieces = 1 << 20
        self.hangs: asyncio.Event | None = None
        self.arrived = asyncio.Event()
        #: What is answered instead of the keys, with its encoding.
        self.instead: tuple[bytes, str] | None = None
        self.published = [self._public(self.mine, "key-1")]

    def _public(self, key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        return {**found, "kid": kid, "use": "sig"}

    def publish(self, kid: str) -> None:
        """Publish the same key under another name."""
        self.published.append(self._public(self.mine, kid))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer with the keys, in as many pieces as it takes."""
        self.asked += 1
        if self.hangs is not None:
            self.arrived.set()
            await self.hangs.wait()
        content, encoding = self.instead or (json.dumps({"keys": self.published}).encode(), "identity")
        headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
        response = web.StreamResponse(status=self.status, headers=headers)
        await response.prepare(request)
        for start in range(0, len(content), self.pieces):
            await response.write(content[start : start + self.pieces])
            await asyncio.sleep(0)
        return response

    def claims(self, **changes: object) -> dict[str, Any]:
        """Return what a good token says, with changes; None leaves a claim out."""
        now = int(time.time())
        good: dict[str, object] = {
            "aud": AUDIENCE,
            "iss": f"{self.url}/{TENANT}/v2.0",
            "iat": now,
            "nbf": now - 300,
            "exp": now + 3600,
            "tid": TENANT,
            "oid": PERSON,
            "roles": ["Operator"],
            "scp": "access_as_user",
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, *, kid: str = "key-1", typ: object = "JWT", **changes: object) -> str:
        """Return a token that the login service signed."""
        return jwt.encode(self.claims(**changes), self.mine, algorithm="RS256", headers={"kid": kid, "typ": typ})


def opened(keys: Keys, *, easy_auth: bool, clients: frozenset[str] = frozenset()) -> EntraSignIn:
    """Return the adapter."""
    settings = SignInSettings(
        audience=AUDIENCE, operator_tenant=TENANT, easy_auth=easy_auth, login=keys.url, clients=clients
    )
    return EntraSignIn(settings)


def bearer(token: str) -> dict[str, str]:
    """Return the headers that carry a token."""
    return {"authorization": f"Bearer {token}"}


async def refused(sign_in: EntraSignIn, headers: dict[str, str]) -> str:
    """Return the code with which a caller is refused."""
    with pytest.raises(Unauthenticated) as error:
        await sign_in.person(headers)
    return error.value.code
