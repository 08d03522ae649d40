"""Tokens that are kept: as long as the SDK's own policy keeps them, and only for what they were given for."""

from time import time

import pytest
from azure.core.credentials import AccessToken

from shared.adapters.entra import credential as module
from shared.adapters.entra.credential import NetworkContext, RenewableCredential
from shared.domain.connections.entra.credentials import CLOUD_ENDPOINTS, ClientSecret, Cloud, Credentials

CREDENTIALS = Credentials(
    azure_tenant_id="33333333-3333-4333-8333-333333333333",
    client_id="44444444-4444-4444-8444-444444444444",
    proof=ClientSecret(value="the secret"),
    endpoints=CLOUD_ENDPOINTS[Cloud.GLOBAL],
)


class Login:
    """Gives a new token to everybody who asks."""

    def __init__(self, lives_s: float) -> None:
        self.asked: list[tuple[tuple[str, ...], dict[str, str | None]]] = []
        self._lives_s = lives_s

    async def get_token(self, *scopes: str, **words: str | None) -> AccessToken:
        """Return a token that nobody else has."""
        self.asked.append((scopes, words))
        return AccessToken(f"token {len(self.asked)}", int(time() + self._lives_s))

    async def close(self) -> None:
        """Close nothing."""


@pytest.fixture
def login(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Login:
    """Stand for the SDK's credentials."""
    made = Login(getattr(request, "param", 3_600))
    monkeypatch.setattr(module, "sdk_credential", lambda *_: made)
    return made


async def given(credential: RenewableCredential, *scopes: str, **words: str | None) -> str:
    """Return a token's text."""
    return str((await credential.get_token(*scopes, **words)).token)


@pytest.mark.parametrize("login", [310, 3_600], indirect=True)
async def test_a_token_is_kept(login: Login) -> None:
    """The SDK is not asked again for what it gave."""
    credential = RenewableCredential(CREDENTIALS, NetworkContext())
    assert [await given(credential, "graph", claims=None) for _ in range(3)] == ["token 1"] * 3
    assert len(login.asked) == 1


@pytest.mark.parametrize("login", [299], indirect=True)
async def test_one_that_ends_soon_is_not(login: Login) -> None:
    """It is the SDK that decides when to renew it."""
    credential = RenewableCredential(CREDENTIALS, NetworkContext())
    assert [await given(credential, "graph") for _ in range(2)] == ["token 1", "token 2"]
    assert len(login.asked) == 2


async def test_it_is_for_what_was_asked(login: Login) -> None:
    """Other scopes and other claims are other tokens."""
    credential = RenewableCredential(CREDENTIALS, NetworkContext())
    first = await given(credential, "graph", claims=None)
    assert await given(credential, "vault", claims=None) != first
    assert await given(credential, "graph", claims="more") != first
    assert [scopes for scopes, _ in login.asked] == [("graph",), ("vault",), ("graph",)]


async def test_none_outlives_a_renewal(login: Login) -> None:
    """It was revoked, or is older than a permission."""
    credential = RenewableCredential(CREDENTIALS, NetworkContext())
    await given(credential, "graph")
    await credential.renew()
    assert await given(credential, "graph") == "token 2"
    assert len(login.asked) == 2
