"""A named key opens the portal for what it may do, until it is revoked."""

import pytest

from infra.local.demo.api import Api
from infra.local.stack.local_stack import LocalStack
from tests.e2e.portal.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_named_key_opens_the_portal_until_it_is_revoked(visitor: Visitor, stack: LocalStack) -> None:
    """It is sent to the user API, without cookies; then the portal asks for another key."""
    async with Api(stack.info) as api:
        body = {"name": "portal-visitor", "scopes": ["all"], "tenants": None, "expiresInDays": 1}
        key = (await api.call("POST", "/keys", body))["value"]
        await visitor.page.evaluate("sessionStorage.clear()")
        await visitor.page.context.add_cookies([{"name": "session", "value": "x", "url": stack.info["host"]}])
        await visitor.page.reload()
        async with visitor.page.expect_request(lambda request: "x-api-key" in request.headers) as sent:
            await visitor.enter(key)
        request = await sent.value
        headers = await request.all_headers()
        assert request.url.endswith("/api/signed-in/me")
        assert (headers["x-api-key"], headers.get("cookie"), headers.get("x-functions-key")) == (key, None, None)
        await api.call("DELETE", "/keys/portal-visitor")
        await visitor.page.reload()
        await visitor.sees("The key was not accepted.")
