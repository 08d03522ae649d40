"""A gateway in front of one service of a stand-in: passes on what the identity's roles allow, and refuses the rest."""

import base64
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from infra.local.stack.certificates import Certificates
from infra.local.stack.ports import LOCALHOST
from infra.rehearsal.operations import Operation, is_allowed

#: Headers of one connection, which are not passed on.
_OF_A_CONNECTION: Final = {"connection", "content-length", "keep-alive", "transfer-encoding"}
_LARGEST_BODY_BYTES: Final = 64 * 1024 * 1024

#: Returns the operation of a request: method, path after the account, query, body.
Classify = Callable[[str, str, Mapping[str, str], bytes], Operation]
#: Returns the body and content type of a refusal, from its code and its message.
Refuse = Callable[[str, str], tuple[bytes, str]]


@dataclass(slots=True)
class Access:
    """What the deployment grants on one resource. A test changes it while the gateway runs."""

    #: Client id of the only identity that has roles.
    client_id: str
    roles: set[str]
    #: Names of the tables or queues that exist; None for services without.
    deployed: set[str] | None = None
    #: Operations that were refused, in order.
    refused: list[str] = field(default_factory=list)


class Gateway:
    """Serves https at `url` inside `async with`, in front of `target`."""

    def __init__(
        self,
        access: Access,
        classify: Classify,
        *,
        target: str,
        account: str,
        refuse: Refuse,
        certificates: Certificates,
    ) -> None:
        self.access = access
        self._classify = classify
        self._target = target
        self._account = account
        self._refuse = refuse
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(certificates.cert, certificates.key)
        self._trust = ssl.create_default_context(cafile=certificates.ca)
        application = web.Application(client_max_size=_LARGEST_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, auto_decompress=False)
        self._port = 0

    @property
    def url(self) -> str:
        """Address of the service, with the account's name for storage."""
        return f"https://{LOCALHOST}:{self._port}" + (f"/{self._account}" if self._account else "")

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOCALHOST, 0, ssl_context=self._tls).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        authorization = request.headers.get("Authorization", "")
        if authorization:
            path = request.rel_url.path.lstrip("/").removeprefix(self._account).lstrip("/")
            refusal = self._refusal(self._classify(request.method, path, request.query, body), authorization)
            if refusal is not None:
                return refusal
        return await self._pass_on(request, body)

    def _refusal(self, operation: Operation, authorization: str) -> web.Response | None:
        deployed = self.access.deployed
        if not authorization.startswith("Bearer "):
            return self._refused(operation, HTTPStatus.FORBIDDEN, "KeyBasedAuthenticationNotPermitted")
        is_ours = _client_of(authorization) == self.access.client_id
        if not is_ours or not is_allowed(operation, self.access.roles):
            return self._refused(operation, HTTPStatus.FORBIDDEN, "AuthorizationPermissionMismatch")
        missing = [] if deployed is None else [name for name in operation.targets if name not in deployed]
        if operation.creates:
            if missing:
                return self._refused(operation, HTTPStatus.FORBIDDEN, "NotPartOfTheDeployment")
            kind = "Table" if operation.name.startswith("table") else "Queue"
            return self._answer(HTTPStatus.CONFLICT, f"{kind}AlreadyExists", operation.name)
        if missing:
            kind = "Table" if operation.name.startswith("table") else "Queue"
            return self._refused(operation, HTTPStatus.NOT_FOUND, f"{kind}NotFound")
        return None

    def _refused(self, operation: Operation, status: HTTPStatus, code: str) -> web.Response:
        self.access.refused.append(f"{operation.name} {' '.join(operation.targets)}".strip())
        return self._answer(status, code, operation.name)

    def _answer(self, status: HTTPStatus, code: str, operation: str) -> web.Response:
        body, content_type = self._refuse(code, f"{code}: the identity may not {operation}.")
        headers = {"x-ms-error-code": code, "Content-Type": content_type}
        return web.Response(status=status, body=body, headers=headers)

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_A_CONNECTION}
        async with self._session.request(
            request.method,
            URL(f"{self._target}{request.rel_url.raw_path_qs}", encoded=True),
            headers=headers,
            data=body,
            ssl=self._trust,
            allow_redirects=False,
        ) as answer:
            content = await answer.read()
            kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _OF_A_CONNECTION]
            response = web.Response(status=answer.status, body=content)
            response.headers.clear()
            response.headers.extend(kept)
            return response


def storage_refusal(code: str, message: str) -> tuple[bytes, str]:
    """Return an error as Blob and Queue Storage write it."""
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return body.encode(), "application/xml"


def table_refusal(code: str, message: str) -> tuple[bytes, str]:
    """Return an error as Table Storage writes it."""
    body = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": message}}}
    return msgspec.json.encode(body), "application/json"


def vault_refusal(code: str, message: str) -> tuple[bytes, str]:
    """Return an error as Key Vault writes it."""
    body = {"error": {"code": "Forbidden", "message": message, "innererror": {"code": code}}}
    return msgspec.json.encode(body), "application/json"


def telemetry_refusal(code: str, message: str) -> tuple[bytes, str]:
    """Return an error as the ingestion endpoint of Application Insights writes it."""
    body = {"itemsReceived": 0, "itemsAccepted": 0, "errors": [{"index": 0, "statusCode": 403, "message": message}]}
    del code
    return msgspec.json.encode(body), "application/json"


def _client_of(authorization: str) -> str | None:
    """Return the client id in a bearer token; None if it cannot be read."""
    try:
        payload = authorization.split(".")[1]
        claims: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, msgspec.MsgspecError):
        return None
    client: str | None = claims.get("appid")
    return client
