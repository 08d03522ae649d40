"""The only reader of the environment. Every missing or malformed setting is named, all at once, with its remedy."""

import os
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from shared.domain.connections.entra.credentials import CLOUD_ENDPOINTS, Cloud, Endpoints
from shared.domain.connections.entra.guid import guid
from shared.domain.retry_policy import LOST_JOB, RUN_DEADLINE_S
from shared.errors import Misconfigured, Rejected

#: What a storage account may be called.
_ACCOUNT_NAME: Final = re.compile(r"[a-z0-9-]{1,63}")
#: What the SDK takes for the connection string of Azurite on this machine, and where that is.
_EMULATOR: Final = "UseDevelopmentStorage=true"
_EMULATOR_ADDRESS: Final = "http://127.0.0.1:10002/devstoreaccount1"


class TableAccount(msgspec.Struct, frozen=True, kw_only=True):
    """One storage account, as far as its Table service goes: reached by a connection string, or at a URL as the app."""

    #: What the operator calls it; empty for the first one, `AzureWebJobsStorage`.
    name: str
    connection_string: str | None
    url: str | None

    @property
    def address(self) -> str:
        """Return where its Table service is, which tells accounts apart; empty where that cannot be read."""
        if self.connection_string is None:
            return (self.url or "").rstrip("/").lower()
        if self.connection_string == _EMULATOR:
            return _EMULATOR_ADDRESS
        said = {name.lower(): value for name, value in _parts(self.connection_string)}
        account, suffix = said.get("accountname"), said.get("endpointsuffix", "core.windows.net")
        return said.get("tableendpoint", f"https://{account}.table.{suffix}" if account else "").rstrip("/").lower()

    @property
    def has_key(self) -> bool:
        """Whether its connection string names something to sign requests with."""
        said = {name.lower() for name, value in _parts(self.connection_string or "") if value}
        return self.connection_string == _EMULATOR or bool(said & {"accountkey", "sharedaccesssignature"})


class SignInSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How people sign in to the API."""

    #: Client id of the API's own app registration, for which tokens must be.
    audience: str
    #: Only in this Azure tenant does the role `Operator` count.
    operator_tenant: str
    #: Whether the platform's authentication ("Easy Auth") stands before the app and sets its headers.
    easy_auth: bool
    #: The login service that signs the tokens.
    login: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one deployment is configured with."""

    #: Connection string of the storage account; None where identity-based settings are used instead.
    storage_connection_string: str | None
    #: Services of the storage account, for identity-based access; None beside a connection string.
    table_service_url: str | None
    queue_service_url: str | None
    #: Further storage accounts for tables, by the names that placements of tenants hold.
    table_accounts: tuple[TableAccount, ...] = ()
    #: Name of the account that new tenants are created in; empty for the first one.
    new_tenants_account: str = ""
    #: Client id of the user-assigned managed identity; None for the system-assigned one.
    managed_identity_client_id: str | None
    key_vault_url: str
    #: The pair of hosts of the cloud called `global`.
    default_endpoints: Endpoints
    #: Pairs that a connection may name besides the clouds' own.
    allowed_endpoints: tuple[Endpoints, ...]
    #: How people sign in; None where only the back end calls.
    sign_in: SignInSettings | None
    #: How long, in seconds, a job may stay unmarked before the watchdog enqueues it again.
    watchdog_stale_after_s: float
    #: How long, in seconds, a run may take before the watchdog fails it.
    run_deadline_s: float
    #: Time budget of one job, in seconds; at 60 % of it a job stores its position and goes on in a new message.
    job_budget_s: float

    def first_account(self) -> TableAccount:
        """Return the account that holds what spans tenants."""
        return TableAccount(name="", connection_string=self.storage_connection_string, url=self.table_service_url)

    def own_hosts(self) -> frozenset[str]:
        """Return the hosts that the operator has set, which may have private addresses; the clouds' own may not."""
        pairs = (self.default_endpoints, *self.allowed_endpoints)
        named = {urlsplit(url).hostname or "" for pair in pairs for url in (pair.login, pair.graph)}
        clouds = {urlsplit(url).hostname for pair in CLOUD_ENDPOINTS.values() for url in (pair.login, pair.graph)}
        return frozenset(named - clouds)


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings. Raises: Misconfigured, naming every setting that is missing or wrong."""
    reader = _Reader(environment)
    connection_string = environment.get("AzureWebJobsStorage") or None
    by_identity = connection_string is None
    table_service_url = reader.url("AzureWebJobsStorage__tableServiceUri") if by_identity else None
    first = TableAccount(name="", connection_string=connection_string, url=table_service_url)
    table_accounts = reader.accounts("TABLE_ACCOUNTS", first)
    settings = Settings(
        storage_connection_string=connection_string,
        table_service_url=table_service_url,
        queue_service_url=reader.url("AzureWebJobsStorage__queueServiceUri") if by_identity else None,
        table_accounts=table_accounts,
        new_tenants_account=reader.account("NEW_TENANTS_ACCOUNT", table_accounts),
        managed_identity_client_id=environment.get("AzureWebJobsStorage__clientId") or None,
        key_vault_url=reader.url("KEY_VAULT_URL"),
        default_endpoints=Endpoints(
            login=reader.url("DEFAULT_LOGIN_ENDPOINT", CLOUD_ENDPOINTS[Cloud.GLOBAL].login),
            graph=reader.url("DEFAULT_GRAPH_ENDPOINT", CLOUD_ENDPOINTS[Cloud.GLOBAL].graph),
        ),
        allowed_endpoints=reader.pairs("ALLOWED_ENDPOINTS"),
        sign_in=reader.sign_in(),
        watchdog_stale_after_s=reader.seconds("WATCHDOG_STALE_AFTER_S", LOST_JOB.first_wait_s),
        run_deadline_s=reader.seconds("RUN_DEADLINE_S", RUN_DEADLINE_S),
        job_budget_s=reader.seconds("JOB_BUDGET_S", 120),
    )
    if reader.problems:
        raise Misconfigured(
            "Settings of the app are missing or wrong: "
            + "; ".join(reader.problems)
            + ". Set them in local.settings.json or in the Function App's configuration.",
            code="settings",
        )
    return settings


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def url(self, name: str, default: str | None = None) -> str:
        text = self._environment.get(name) or default or ""
        if not text:
            self.problems.append(f"{name} is missing (an https address)")
        elif not _is_https(text):
            self.problems.append(f"{name} is {text!r}, which is not an https address")
        return text.rstrip("/")

    def seconds(self, name: str, default: float) -> float:
        text = self._environment.get(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not value > 0:
            self.problems.append(f"{name} is {text!r}, which is not a positive number of seconds")
        return value

    def sign_in(self) -> SignInSettings | None:
        names = ("SIGN_IN_AUDIENCE", "SIGN_IN_OPERATOR_TENANT_ID")
        if not any(self._environment.get(name) for name in (*names, "SIGN_IN_EASY_AUTH")):
            return None
        audience, operator_tenant = (self._guid(name) for name in names)
        easy_auth = self._environment.get("SIGN_IN_EASY_AUTH") or "false"
        if easy_auth not in {"true", "false"}:
            self.problems.append(f"SIGN_IN_EASY_AUTH is {easy_auth!r}, which is neither true nor false")
        elif easy_auth == "true" and (self._environment.get("WEBSITE_AUTH_ENABLED") or "").lower() != "true":
            self.problems.append(
                "SIGN_IN_EASY_AUTH is true, but the platform does not say that its authentication is on "
                "(WEBSITE_AUTH_ENABLED): any caller could send its header"
            )
        return SignInSettings(
            audience=audience,
            operator_tenant=operator_tenant,
            easy_auth=easy_auth == "true",
            login=self.url("DEFAULT_LOGIN_ENDPOINT", CLOUD_ENDPOINTS[Cloud.GLOBAL].login),
        )

    def _guid(self, name: str) -> str:
        text = (self._environment.get(name) or "").lower()
        try:
            return guid(text)
        except Rejected:
            self.problems.append(f"{name} is {text!r}, which is not a GUID")
            return ""

    def accounts(self, name: str, first: TableAccount) -> tuple[TableAccount, ...]:
        """Return the accounts that a setting names. No entry is quoted: it may hold a key."""
        accounts: list[TableAccount] = []
        for number, text in enumerate((self._environment.get(name) or "").split(), start=1):
            called, _, where = text.partition("=")
            if not _ACCOUNT_NAME.fullmatch(called):
                self.problems.append(f"{name} has no name of a-z, 0-9 and - before the = of entry {number}")
                continue
            by_identity = _is_https(where)
            account = TableAccount(
                name=called,
                connection_string=None if by_identity else where,
                url=where.rstrip("/") if by_identity else None,
            )
            self._look_at(name, account, [first, *accounts])
            accounts.append(account)
        return tuple(accounts)

    def _look_at(self, name: str, account: TableAccount, others: list[TableAccount]) -> None:
        if not account.address or (account.url is None and not account.has_key):
            self.problems.append(
                f"{name} has neither an https address nor a connection string with account and key for "
                f"{account.name!r} (name=https://account.table.core.windows.net)"
            )
        elif any(each.name == account.name for each in others):
            self.problems.append(f"{name} names {account.name!r} twice")
        elif any(each.address == account.address for each in others):
            self.problems.append(f"{name} says that {account.name!r} is at {account.address}, as another account is")

    def account(self, name: str, accounts: tuple[TableAccount, ...]) -> str:
        text = self._environment.get(name) or ""
        if text and not any(each.name == text for each in accounts):
            self.problems.append(f"{name} is {text!r}, which TABLE_ACCOUNTS does not name")
        return text

    def pairs(self, name: str) -> tuple[Endpoints, ...]:
        pairs = []
        for text in (self._environment.get(name) or "").split():
            login, bar, graph = text.partition("|")
            if not bar or not _is_https(login) or not _is_https(graph):
                self.problems.append(f"{name} holds {text!r}, which is not a pair https://login|https://graph")
            pairs.append(Endpoints(login=login.rstrip("/"), graph=graph.rstrip("/")))
        return tuple(pairs)


def _parts(connection_string: str) -> list[tuple[str, str]]:
    """Return the names and values of a connection string; values may hold = themselves."""
    return [(name, value) for part in connection_string.split(";") for name, _, value in [part.partition("=")]]


def _is_https(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme == "https" and bool(parts.hostname) and not parts.query and not parts.fragment
