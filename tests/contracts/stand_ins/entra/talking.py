"""What tests hold in their hands: a running simulator and the three doors to it."""

import ssl
from dataclasses import dataclass
from typing import Any

import aiohttp

from infra.local.entra.server import EntraSimulator

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, read to its end."""

    status: int
    body: Json
    headers: dict[str, str]

    @property
    def code(self) -> str:
        """The code of a Graph error."""
        return str(self.body["error"]["code"])

    @property
    def ids(self) -> list[str]:
        """The ids of the page's items."""
        return [item["id"] for item in self.body["value"]]


class Talk:
    """A client of login, Graph and the admin API that hides nothing and retries nothing."""

    def __init__(self, entra: EntraSimulator, session: aiohttp.ClientSession, tls: ssl.SSLContext) -> None:
        self.entra = entra
        self.tls = tls
        self._session = session
        self._tokens: dict[str, str] = {}

    async def request(self, method: str, url: str, **options: Any) -> Reply:  # noqa: ANN401 - aiohttp's
        """The answer, JSON or not."""
        async with self._session.request(method, url, ssl=self.tls, allow_redirects=False, **options) as response:
            if "json" in response.content_type:
                body: Json = await response.json()
            else:
                body = {"text": await response.text()}
            return Reply(status=response.status, body=body, headers=dict(response.headers))

    async def admin(self, call: str, body: object = None) -> Json:
        """The body of a call such as `POST /clock` to the admin API, which must succeed."""
        method, _, path = call.partition(" ")
        reply = await self.request(method, f"{self.entra.admin}/admin{path}", json=body)
        assert reply.status < 300, reply
        return reply.body

    async def directory(self, name: str = "fabrikam") -> Json:
        """What the admin API says of a directory."""
        return await self.admin(f"GET /directories/{name}")

    async def ask_token(self, tenant: str, **form: str) -> Reply:
        """The answer of the token endpoint."""
        form = {"grant_type": "client_credentials", "scope": f"{self.entra.graph}/.default"} | form
        return await self.request("POST", f"{self.entra.login}/{tenant}/oauth2/v2.0/token", data=form)

    async def token(self, name: str = "fabrikam") -> str:
        """A token for the sample application, a new one every time."""
        known = await self.directory(name)
        reply = await self.ask_token(
            known["azure_tenant_id"], client_id=known["application_id"], client_secret=known["client_secret"]
        )
        assert reply.status == 200, reply
        self._tokens[name] = reply.body["access_token"]
        return self._tokens[name]

    async def graph(self, call: str, name: str = "fabrikam", *, eventual: bool = False, **options: Any) -> Reply:  # noqa: ANN401
        """The answer to `GET /users` or to a whole address."""
        method, _, path = call.partition(" ")
        token = self._tokens.get(name) or await self.token(name)
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        if eventual:
            headers["ConsistencyLevel"] = "eventual"
        url = path if path.startswith("https:") else f"{self.entra.graph}/v1.0{path}"
        return await self.request(method, url, headers=headers, **options)

    async def pages(self, path: str, name: str = "fabrikam", *, eventual: bool = False) -> list[Reply]:
        """All pages from `path` on, by nextLink."""
        found: list[Reply] = []
        link: str | None = path
        while link:
            page = await self.graph(f"GET {link}", name, eventual=eventual)
            assert page.status == 200, page
            found.append(page)
            link = page.body.get("@odata.nextLink")
        return found

    async def ids(self, path: str, name: str = "fabrikam", *, eventual: bool = False) -> list[str]:
        """Ids on all pages."""
        return [key for page in await self.pages(path, name, eventual=eventual) for key in page.ids]
