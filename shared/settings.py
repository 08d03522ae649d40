"""Settings: the only reader of the environment. One error lists all missing or malformed settings, with remedies."""

import os
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from shared.domain.access.rate_limit import ALLOWANCES, Expense, RateLimit, allowances_of
from shared.domain.connections.entra.credentials import CLOUD_ENDPOINTS, Cloud, Endpoints
from shared.domain.connections.entra.guid import guid
from shared.domain.operations.retention import Retention, retention_of
from shared.domain.retry_policy import LOST_JOB, MAX_REQUESTS, REPEATED, RUN_DEADLINE_S
from shared.errors import Misconfigured, Rejected

#: Names of storage accounts in the settings.
_ACCOUNT_NAME: Final = re.compile(r"[a-z0-9-]{1,63}")
#: Origins of pages: an address without user name and path.
_ORIGIN: Final = re.compile(r"https://[^/@]+")
#: Connection string that the SDK recognises as Azurite on this machine.
_EMULATOR: Final = "UseDevelopmentStorage=true"
#: Address of Azurite's Table service.
_EMULATOR_ADDRESS: Final = "http://127.0.0.1:10002/devstoreaccount1"


class TableAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Table service of a storage account, used by a connection string, or at a URL with the app's managed identity."""

    #: Name of the account in the settings; empty for the first one, `AzureWebJobsStorage`.
    name: str
    connection_string: str | None
    url: str | None

    @property
    def address(self) -> str:
        """Address of the Table service, which identifies the account; empty if it cannot be determined."""
        if self.connection_string is None:
            return (self.url or "").rstrip("/").lower()
        if self.connection_string == _EMULATOR:
            return _EMULATOR_ADDRESS
        parts = {name.lower(): value for name, value in _parts(self.connection_string)}
        account, suffix = parts.get("accountname"), parts.get("endpointsuffix", "core.windows.net")
        return parts.get("tableendpoint", f"https://{account}.table.{suffix}" if account else "").rstrip("/").lower()

    @property
    def has_key(self) -> bool:
        """Whether the connection string contains an account key or a shared access signature."""
        names = {name.lower() for name, value in _parts(self.connection_string or "") if value}
        return self.connection_string == _EMULATOR or bool(names & {"accountkey", "sharedaccesssignature"})


class SignInSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of people's sign-in to the API."""

    #: Client id of the API's own app registration, the required audience of tokens.
    audience: str
    #: The Azure tenant in which the role `Operator` counts.
    operator_tenant: str
    #: Whether the platform's authentication ("Easy Auth") is in front of the app and sets its headers.
    easy_auth: bool
    #: URL of the login service that signs the tokens.
    login: str
    #: Client ids of the applications whose tokens for the API are accepted; empty for all.
    clients: frozenset[str] = frozenset()


class TelemetrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where traces, metrics and logs are exported to: Application Insights, or files."""

    #: Connection string of Application Insights; None for files.
    connection_string: str | None
    #: Folder of the files; None for Application Insights.
    folder: str | None
    #: Share of traces that are exported, 0 to 1.
    sample_ratio: float


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one deployment."""

    #: Connection string of the storage account; None for access with the managed identity.
    storage_connection_string: str | None
    #: URLs of the account's services for access with the managed identity; None with a connection string.
    table_service_url: str | None
    queue_service_url: str | None
    #: Further storage accounts for tables. Placements of tenants contain their names.
    table_accounts: tuple[TableAccount, ...] = ()
    #: Name of the account in which new tenants are created; empty for the first one.
    new_tenants_account: str = ""
    #: Client id of the user-assigned managed identity; None for the system-assigned one.
    managed_identity_client_id: str | None
    key_vault_url: str
    #: Endpoints of the cloud `global`.
    default_endpoints: Endpoints
    #: Endpoints that connections may use in addition to those of the clouds.
    allowed_endpoints: tuple[Endpoints, ...]
    #: Settings of people's sign-in; None if only the product's back end calls the API.
    sign_in: SignInSettings | None
    #: Origins of the portal in addition to the app's own, such as `https://portal.example`.
    portal_origins: tuple[str, ...] = ()
    #: What one person may do for one tenant.
    allowances: Mapping[Expense, RateLimit] = msgspec.field(default_factory=lambda: ALLOWANCES)
    #: Settings of telemetry; None if nothing is exported.
    telemetry: TelemetrySettings | None = None
    #: How long rows are kept that no running work needs, and entries of the audit log.
    retention: Retention = Retention()
    #: Time without progress after which the watchdog re-enqueues a job, in seconds.
    watchdog_stale_after_s: float
    #: Maximum duration of a run, in seconds. The watchdog fails a run that takes longer.
    run_deadline_s: float
    #: Maximum number of messages with which the jobs of a run continue, wait or are sent again, and of their requests.
    run_max_messages: int = REPEATED.attempts
    run_max_requests: int = MAX_REQUESTS
    #: Time budget of one job, in seconds. At 60 % of it, a job saves a checkpoint and continues in a new message.
    job_budget_s: float

    def first_account(self) -> TableAccount:
        """Return the account with the data that spans tenants."""
        return TableAccount(name="", connection_string=self.storage_connection_string, url=self.table_service_url)

    def own_hosts(self) -> frozenset[str]:
        """Return the hosts set by the operator, which may have private addresses, unlike the hosts of the clouds."""
        pairs = (self.default_endpoints, *self.allowed_endpoints)
        hosts = {urlsplit(url).hostname or "" for pair in pairs for url in (pair.login, pair.graph)}
        clouds = {urlsplit(url).hostname for pair in CLOUD_ENDPOINTS.values() for url in (pair.login, pair.graph)}
        return frozenset(hosts - clouds)


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment. Raises Misconfigured, with all missing or malformed settings."""
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
        portal_origins=reader.origins("PORTAL_ORIGINS"),
        allowances=reader.allowances("RATE_LIMITS"),
        telemetry=reader.telemetry(),
        retention=retention_of(environment, reader.problems),
        watchdog_stale_after_s=reader.seconds("WATCHDOG_STALE_AFTER_S", LOST_JOB.first_wait_s),
        run_deadline_s=reader.seconds("RUN_DEADLINE_S", RUN_DEADLINE_S),
        run_max_messages=reader.count("RUN_MAX_MESSAGES", REPEATED.attempts),
        run_max_requests=reader.count("RUN_MAX_REQUESTS", MAX_REQUESTS),
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
    """Reads settings. Problems never quote a value: one may be a key, and all callers can read them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def url(self, name: str, default: str | None = None) -> str:
        text = self._environment.get(name) or default or ""
        if not text:
            self.problems.append(f"{name} is missing (an https address)")
        elif not _is_https(text):
            self.problems.append(f"{name} is not an https address")
        return text.rstrip("/")

    def seconds(self, name: str, default: float) -> float:
        text = self._environment.get(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not value > 0:  # neither is "nan"
            self.problems.append(f"{name} is not a positive number of seconds")
        return value

    def count(self, name: str, default: int) -> int:
        text = self._environment.get(name) or str(default)
        if not (text.isascii() and text.isdecimal() and int(text)):
            self.problems.append(f"{name} is not a positive whole number")
            return default
        return int(text)

    def telemetry(self) -> TelemetrySettings | None:
        connection_string = self._environment.get("APPLICATIONINSIGHTS_CONNECTION_STRING") or None
        folder = self._environment.get("TELEMETRY_FOLDER") or None
        sample_ratio = self._share("OTEL_TRACES_SAMPLER_ARG", 1)
        if folder is not None:
            return TelemetrySettings(connection_string=None, folder=folder, sample_ratio=sample_ratio)
        if connection_string is not None:
            return TelemetrySettings(connection_string=connection_string, folder=None, sample_ratio=sample_ratio)
        return None

    def _share(self, name: str, default: float) -> float:
        text = self._environment.get(name) or str(default)
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not 0 <= value <= 1:
            self.problems.append(f"{name} is not a share from 0 to 1")
            return default
        return value

    def sign_in(self) -> SignInSettings | None:
        names = ("SIGN_IN_AUDIENCE", "SIGN_IN_OPERATOR_TENANT_ID")
        clients = self._entries("SIGN_IN_CLIENTS")
        if not clients and not any(self._environment.get(name) for name in (*names, "SIGN_IN_EASY_AUTH")):
            return None
        audience, operator_tenant = (self._guid(name) for name in names)
        easy_auth = self._environment.get("SIGN_IN_EASY_AUTH") or "false"
        if easy_auth not in {"true", "false"}:
            self.problems.append("SIGN_IN_EASY_AUTH is neither true nor false")
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
            clients=frozenset(self._as_guid("SIGN_IN_CLIENTS", text) for text in clients),
        )

    def allowances(self, name: str) -> Mapping[Expense, RateLimit]:
        try:
            return allowances_of(self._entries(name))
        except ValueError:
            self.problems.append(f"{name} has an entry that is not kind=number/seconds, such as search=600/60")
            return ALLOWANCES

    def origins(self, name: str) -> tuple[str, ...]:
        """Return the addresses in a setting, which have no path."""
        origins = tuple(text.rstrip("/") for text in self._entries(name))
        if not all(
            _is_https(text) and text == f"https://{urlsplit(text).netloc.rpartition('@')[2]}" for text in origins
        ):
            self.problems.append(f"{name} has an entry that is not an https address without a path")
        return origins

    def _entries(self, name: str) -> list[str]:
        return (self._environment.get(name) or "").split()

    def _guid(self, name: str) -> str:
        return self._as_guid(name, self._environment.get(name) or "")

    def _as_guid(self, name: str, text: str) -> str:
        try:
            return guid(text.lower())
        except Rejected:
            self.problems.append(f"{name} is not a GUID")
            return ""

    def accounts(self, name: str, first: TableAccount) -> tuple[TableAccount, ...]:
        """Return the accounts in a setting."""
        accounts: list[TableAccount] = []
        for number, text in enumerate(self._entries(name), start=1):
            account_name, _, address = text.partition("=")
            if not _ACCOUNT_NAME.fullmatch(account_name):
                self.problems.append(f"{name} has no name of a-z, 0-9 and - before the = of entry {number}")
                continue
            by_identity = _is_https(address)
            account = TableAccount(
                name=account_name,
                connection_string=None if by_identity else address,
                url=address.rstrip("/") if by_identity else None,
            )
            self._validate_account(name, number, account, [first, *accounts])
            accounts.append(account)
        return tuple(accounts)

    def _validate_account(self, name: str, number: int, account: TableAccount, earlier: list[TableAccount]) -> None:
        if not account.address or (account.url is None and not account.has_key):
            self.problems.append(
                f"{name} has neither an https address nor a connection string with account and key in entry "
                f"{number} (name=https://account.table.core.windows.net)"
            )
        elif any(other.name == account.name for other in earlier):
            self.problems.append(f"{name} repeats a name in entry {number}")
        elif any(other.address == account.address for other in earlier):
            self.problems.append(f"{name} repeats the address of another account in entry {number}")

    def account(self, name: str, accounts: tuple[TableAccount, ...]) -> str:
        text = self._environment.get(name) or ""
        if text and not any(account.name == text for account in accounts):
            self.problems.append(f"{name} is an account that TABLE_ACCOUNTS does not name")
        return text

    def pairs(self, name: str) -> tuple[Endpoints, ...]:
        pairs = []
        for text in self._entries(name):
            login, bar, graph = text.partition("|")
            if not bar or not _is_https(login) or not _is_https(graph):
                self.problems.append(f"{name} has an entry that is not a pair https://login|https://graph")
            pairs.append(Endpoints(login=login.rstrip("/"), graph=graph.rstrip("/")))
        return tuple(pairs)


def _parts(connection_string: str) -> list[tuple[str, str]]:
    """Return the names and values of a connection string. Values may contain `=`."""
    return [(name, value) for part in connection_string.split(";") for name, _, value in [part.partition("=")]]


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises if it is not a number
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and not parts.query and not parts.fragment
