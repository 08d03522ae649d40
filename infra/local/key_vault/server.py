"""The secrets REST API of a `Vault`."""

import ssl
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from infra.local.key_vault import errors, wire
from infra.local.key_vault.challenge import challenge, check_token, resource_of
from infra.local.key_vault.contents_file import load, save
from infra.local.key_vault.errors import VaultError
from infra.local.key_vault.model import NewValue, Properties
from infra.local.key_vault.vault import Vault
from infra.local.stack.ports import LOCALHOST

B = TypeVar("B")

#: Authority in the challenge. The client reads only the tenant from it and uses its own credential.
LOGIN_URL = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000"


class KeyVault:
    """A vault that listens at `url` inside `async with`. Port 0 selects a free port."""

    def __init__(
        self, *, cert: Path, key: Path, port: int = 0, data: Path | None = None, login_url: str = LOGIN_URL
    ) -> None:
        self.vault = Vault(load(data), changed=lambda contents: save(data, contents))
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(cert, key)
        self._port = port
        self._login_url = login_url
        self._runner = web.AppRunner(self._application(), access_log=None)

    @property
    def url(self) -> str:
        """Address of the vault, for `SecretClient`."""
        return f"https://{LOCALHOST}:{self._port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, LOCALHOST, self._port, ssl_context=self._tls).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/secrets", self._list),
                web.put("/secrets/{name}", self._set),
                web.delete("/secrets/{name}", self._delete),
                web.get("/secrets/{name}/versions", self._list_versions),
                web.get("/secrets/{name}", self._get),
                web.get("/secrets/{name}/{version:[^/]*}", self._get),
                web.patch("/secrets/{name}/{version:[^/]*}", self._update),
                web.get("/deletedsecrets", self._list_deleted),
                web.get("/deletedsecrets/{name}", self._get_deleted),
                web.delete("/deletedsecrets/{name}", self._purge),
                web.post("/deletedsecrets/{name}/recover", self._recover),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Verify the token, call the handler, and return errors as JSON.

        The token comes first, because the client's first request has neither a token nor a body.
        """
        resource = resource_of(request.host)
        headers = {}
        try:
            check_token(request.headers.get("Authorization", ""), resource)
            if "api-version" not in request.query:
                raise errors.bad_parameter("api-version must be specified")
            return await handler(request)
        except VaultError as error:
            refused = error
        except web.HTTPException as error:
            refused = VaultError(error.status, "NotImitated", f"{request.method} {request.path} is not imitated here.")
        if refused.status == web.HTTPUnauthorized.status_code:
            headers["WWW-Authenticate"] = challenge(self._login_url, resource)
        return web.json_response(refused.body(), status=refused.status, headers=headers)

    async def _set(self, request: web.Request) -> web.Response:
        secret, version = self.vault.set(_name(request), await _body(request, NewValue))
        return web.json_response(wire.bundle(_base(request), secret, version, with_value=True))

    async def _get(self, request: web.Request) -> web.Response:
        secret, version = self.vault.get(_name(request), _version(request))
        return web.json_response(wire.bundle(_base(request), secret, version, with_value=True))

    async def _update(self, request: web.Request) -> web.Response:
        secret, version = self.vault.update(_name(request), _version(request), await _body(request, Properties))
        return web.json_response(wire.bundle(_base(request), secret, version, with_value=False))

    async def _list(self, request: web.Request) -> web.Response:
        base = _base(request)
        return _page(request, [wire.item(base, *entry, with_version=False) for entry in self.vault.secrets()])

    async def _list_versions(self, request: web.Request) -> web.Response:
        versions = self.vault.versions(_name(request))
        return _page(
            request, [wire.item(_base(request), secret, version, with_version=True) for secret, version in versions]
        )

    async def _delete(self, request: web.Request) -> web.Response:
        deleted = self.vault.delete(_name(request))
        return web.json_response(wire.deleted_bundle(_base(request), deleted, with_version=True))

    async def _list_deleted(self, request: web.Request) -> web.Response:
        base = _base(request)
        return _page(
            request, [wire.deleted_bundle(base, secret, with_version=False) for secret in self.vault.deleted()]
        )

    async def _get_deleted(self, request: web.Request) -> web.Response:
        deleted = self.vault.get_deleted(_name(request))
        return web.json_response(wire.deleted_bundle(_base(request), deleted, with_version=True))

    async def _recover(self, request: web.Request) -> web.Response:
        secret, version = self.vault.recover(_name(request))
        return web.json_response(wire.bundle(_base(request), secret, version, with_value=False))

    async def _purge(self, request: web.Request) -> web.Response:
        self.vault.purge(_name(request))
        return web.Response(status=204)


def _base(request: web.Request) -> str:
    return f"https://{request.host}"


def _name(request: web.Request) -> str:
    return request.match_info["name"]


def _version(request: web.Request) -> str:
    return request.match_info.get("version", "")


async def _body(request: web.Request, kind: type[B]) -> B:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.MsgspecError as error:
        raise errors.bad_parameter(f"The request body is invalid: {error}") from error


def _page(request: web.Request, items: list[dict[str, object]]) -> web.Response:
    query = request.query
    body = wire.page(
        items,
        url=_base(request) + request.path,
        api_version=query["api-version"],
        size=query.get("maxresults", str(wire.PAGE_SECRETS)),
        token=query.get("$skiptoken", ""),
    )
    return web.json_response(body)
