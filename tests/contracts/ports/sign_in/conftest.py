"""The login service and the adapter."""

import ssl
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from infra.local.stack.certificates import Certificates
from shared.adapters.sign_in import EntraSignIn
from tests.support.login_service import Keys, opened


@pytest.fixture
async def keys(tls: Certificates, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Keys]:
    """The login service."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.bundle))
    served = Keys()
    application = web.Application()
    application.router.add_get("/common/discovery/v2.0/keys", served.answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.cert, tls.key)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    served.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    await runner.cleanup()


@pytest.fixture
def sign_in(keys: Keys) -> EntraSignIn:
    """The adapter, without Easy Auth."""
    return opened(keys, easy_auth=False)
