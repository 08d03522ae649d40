"""What is attacked: a deployment with two tenants, and everything that it stores."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from hashlib import sha256
from typing import Any, Final

import msgspec

from shared.adapters.stores import table_names
from shared.bootstrap import App, Ports
from shared.domain.access.callers import KeyScope
from shared.domain.directory import Assignment
from shared.domain.ids import TenantId, key_name
from shared.domain.operations.operator_log import OperatorLogEntry
from shared.domain.sync.jobs import FetchJob, Job, SyncRequest
from shared.triggers import queues
from tests.attack import callers
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory, FakeJobQueue, FakeSecretStore, directories_of
from tests.support.fakes.on_tables import ports_on
from tests.support.fakes.table_service import MemoryTables
from tests.support.http.calling import MODULES, Client, routes_of_the_app
from tests.support.world import SETTINGS, deliver

#: Stored rows by store, then by key.
State = dict[str, dict[Any, Any]]
#: Tables into which a refusal may write, and why. In the last two, no stored row may be changed or deleted.
EXEMPT: Final[Mapping[str, str]] = {
    table_names.LIMITS: "counted attempts",
    table_names.IDEMPOTENCY_KEYS: "keys of requests",
    table_names.LEDGER: "recorded messages, added only",
    table_names.AUDIT: "recorded refusals, added only",
}
_ADDED_ONLY: Final = frozenset({table_names.LEDGER, table_names.AUDIT})
FILE: Final = b"Name,E-mail\nAda,ada@example.com\nGrace,grace@example.com\n"
GROUPS: Final = (person(100), person(101))


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Ids of what one tenant has."""

    tenant: str
    location: str
    #: A recipient, a run that is done, one that is held, and a preview.
    recipient: str
    run: str
    held: str
    preview: str
    digest: str
    #: An import that receives parts, one that has ended, and the run of one that waits for its job.
    uploading: str
    ended: str
    importing: str
    erasure: str
    credentials: dict[str, Any]


class Scene:
    """A deployment on the real stores over tables in memory, with the real sign-in."""

    def __init__(self) -> None:
        self.tables = MemoryTables()
        self.routes = {f"{route.methods[0]} {'/'.join(route.path)}": route for route in routes_of_the_app()}
        self.door = next(route for route in self.routes.values() if route.path[0] == "signed-in")
        self.ports: Ports = dataclasses.replace(ports_on(self.tables), sign_in=callers.sign_in())
        self.contoso: Names
        self.fabrikam: Names
        #: Named keys by their names, and what is said in their place.
        self.keys: dict[str, str] = {}
        self.refused_keys: dict[str, str] = {}
        #: Scopes of the keys that do not open all of contoso; that of fabrikam opens nothing of it.
        self.keys_without_access = {
            "reader": frozenset({KeyScope.READ}),
            "importer": frozenset({KeyScope.IMPORT}),
            "fabrikam": frozenset({KeyScope.ALL}),
        }
        #: The active run of fabrikam.
        self.active = ""
        self.renew()

    def renew(self) -> None:
        """Let the app start again, without what it keeps in memory."""
        product = App(self.ports, msgspec.structs.replace(SETTINGS, sign_in=callers.SETTINGS))
        self.product = product
        for module in (*MODULES, queues):
            module.app = lambda: product  # type: ignore[attr-defined]

    async def begin(self) -> None:
        """Create two tenants alike, a third one that is not connected, and entries of the operator log."""
        self._waiting: list[Job] = []
        self.contoso = await self._tenant("contoso", callers.CONTOSO, "desk", 1)
        self.fabrikam = await self._tenant("fabrikam", callers.FABRIKAM, "annex", 11)
        api = self._api
        await api("PUT", "tenants/adatum", {"name": "Adatum"})
        self.active = str((await api("POST", "tenants/fabrikam/runs", {"mode": "full"})).body["id"])
        self.queue.messages += self._waiting
        for queue, id_ in ((FetchJob.queue, "lost"), (SyncRequest.queue, "twice"), (FetchJob.queue, "twice")):
            body = '{"tenant": "contoso"}' if queue == SyncRequest.queue else "{}"
            await self._log(queue, id_, body)
        await self._log(SyncRequest.queue, "request", '{"tenant": "contoso"}')
        await self._log("connection", "event", "")
        await self._create_keys()

    async def _create_keys(self) -> None:
        scopes = {**self.keys_without_access, "contoso": frozenset({KeyScope.ALL})}
        for name, opened in (*scopes.items(), ("revoked", scopes["contoso"]), ("expired", scopes["contoso"])):
            tenants = ["fabrikam" if name == "fabrikam" else "contoso"]
            body = {"name": name, "scopes": sorted(opened), "tenants": tenants, "expiresInDays": 1}
            self.keys[name] = (await self._done("POST", "keys", body))["value"]
        await self._api("DELETE", "keys/revoked")
        past, etag = await self.ports.keys.find(key_name("expired"))
        assert past is not None
        await self.ports.keys.replace(msgspec.structs.replace(past, expires_at=self.ports.clock.now()), etag)
        good = self.keys["contoso"]
        self.refused_keys = {
            "revoked": self.keys["revoked"],
            "expired": self.keys["expired"],
            "of another name": good.replace("contoso", "reader"),
            "of a name that nothing has": good.replace("contoso", "nothing"),
            "cut": good[:-1],
            "with more": good + "A",
            "in capitals": good.upper(),
            "without its beginning": good.removeprefix("rsk_"),
            "that is a path": "rsk_../contoso_" + good[-43:],
            "with a zero byte": good + "\x00",
            "of another alphabet": good[:-1] + "\uff10",
        }

    async def _log(self, queue: str, id_: str, body: str) -> None:
        now = self.ports.clock.now()
        entry = OperatorLogEntry(id=id_, at=now, queue=queue, code="poison", detail="x", body=body)
        await self.ports.operator_log.record(msgspec.structs.replace(entry, tenant=TenantId("contoso")))

    @property
    def _api(self) -> Client:
        return Client([route for route in self.routes.values() if route is not self.door])

    @property
    def queue(self) -> FakeJobQueue:
        """The queues."""
        assert isinstance(self.ports.queue, FakeJobQueue)
        return self.ports.queue

    @property
    def vault(self) -> FakeSecretStore:
        """The vault."""
        assert isinstance(self.ports.secrets, FakeSecretStore)
        return self.ports.secrets

    async def _tenant(self, name: str, azure_tenant: str, location: str, first: int) -> Names:
        directory, api = FakeDirectory(), self._api
        directory.azure_tenant_id = azure_tenant
        directory.put(*(user(number) for number in range(first, first + 6)))
        directory.members = {
            GROUPS[0]: [person(number) for number in range(first, first + 4)],
            GROUPS[1]: [person(first + 4)],
        }
        directory.assigned[person(50)] = [Assignment(principal_id=person(first), group=False)]
        directories_of(self.ports).add(directory)
        base = f"tenants/{name}"
        credentials = {
            "tenantId": azure_tenant,
            "clientId": directory.client_id,
            "objectId": directory.object_id,
            "clientSecret": directory.secret,
        }
        await self._done("PUT", base, {"name": name})
        await self._done("PUT", f"{base}/admins", {"azureTenantId": azure_tenant, "people": []})
        await self._done("PUT", f"{base}/sso", {"clientId": person(50)})
        await self._done("PUT", f"{base}/connection", credentials)
        await self._done("PUT", f"{base}/preferences", {"mode": "groups", "ssoUsers": True})
        for place, group in ((location, GROUPS[0]), (f"{location}-2", GROUPS[1])):
            await self._done("PUT", f"{base}/locations/{place}", {"name": place})
            await self._done("PUT", f"{base}/locations/{place}/groups", {"groups": [group]})
        await self._done("POST", f"{base}/users", {"objectId": person(first), "role": "viewer"})
        runs = [await self._run(name, {"mode": "full"}, "used"), await self._run(name, {"preview": True}, None)]
        desk = f"{base}/locations/{location}"
        await api("POST", f"{desk}/recipients", raw=FILE, headers={"Idempotency-Key": "used"})
        recipient = (await api("GET", f"{desk}/recipients")).body["recipients"][0]["id"]
        imports = [(await api("POST", f"{desk}/imports")).body["id"] for _ in range(3)]
        for upload in imports:
            await api("PUT", f"{desk}/imports/{upload}/parts/1", raw=FILE)
        start = {"parts": 1, "sha256": sha256(FILE).hexdigest()}
        await self._done("POST", f"{desk}/imports/{imports[1]}/start", start)
        await self._work()
        directory.members[GROUPS[1]] = []
        held = await self._run(name, {}, None)
        digest = (await api("GET", f"{base}/runs/{held}")).body["heldDigest"]
        importing = (await self._done("POST", f"{desk}/imports/{imports[2]}/start", start))["id"]
        erased = await self._done("POST", f"{base}/erasures", {"mail": "gone@example.com"})
        erasure = str(erased["id"])
        self._waiting += self.queue.messages
        self.queue.messages = []
        return Names(
            tenant=name, location=location, recipient=recipient, run=runs[0], preview=runs[1], held=held, digest=digest,
            uploading=imports[0], ended=imports[1], importing=importing, erasure=erasure, credentials=credentials,
        )  # fmt: skip

    async def _done(self, method: str, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        reply = await self._api(method, path, body)
        assert reply.status < 300, (path, reply.body)
        return reply.body

    async def _run(self, tenant: str, body: object, key: str | None) -> str:
        headers = {"Idempotency-Key": key} if key else {}
        run = (await self._api("POST", f"tenants/{tenant}/runs", body, headers=headers)).body["id"]
        await self._work()
        return str(run)

    async def _work(self) -> None:
        while self.queue.messages:
            await deliver(self.product, self.queue.messages.pop(0))

    def state(self) -> State:
        """Return all rows of all tables, all messages of all queues, and all secrets."""
        tables: State = dict(self.tables.copied())
        return tables | {
            "queues": dict(enumerate(self.queue.messages)),
            "unread": dict(enumerate(self.queue.unread)),
            "poison": {queue: tuple(texts) for queue, texts in self.queue.poison.items()},
            "vault": deepcopy(self.vault._secrets),
        }

    def restore(self, state: State) -> None:
        """Store exactly this again."""
        self.tables.restore({name: state[name] for name in state if name in table_names.ALL_TABLES})
        self.queue.messages = list(state["queues"].values())
        self.queue.unread = list(state["unread"].values())
        self.queue.poison = {queue: list(texts) for queue, texts in state["poison"].items()}
        self.vault._secrets = deepcopy(state["vault"])


@contextmanager
def on_the_app() -> Iterator[None]:
    """Give the modules of the routes and queues their app back afterwards."""
    modules: tuple[Any, ...] = (*MODULES, queues)
    stored = [(module, module.app) for module in modules]
    try:
        yield
    finally:
        for module, app in stored:
            module.app = app


def changes(before: State, after: State) -> list[str]:
    """Return what differs between two states, apart from what a refusal may write."""
    found = []
    for store in sorted(before.keys() | after.keys()):
        old, new = before.get(store, {}), after.get(store, {})
        if old == new or (store in EXEMPT and store not in _ADDED_ONLY):
            continue
        keys = [key for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
        found += [f"{store} {key}" for key in sorted(keys, key=str) if store not in _ADDED_ONLY or key in old]
    return found


def digest(state: State) -> str:
    """Return a hash of everything that is stored."""
    rows = sorted((store, str(key), repr(row)) for store, stored in state.items() for key, row in stored.items())
    return sha256(repr(rows).encode()).hexdigest()
