"""The only reader of the environment. Every missing or malformed setting is named, all at once, with its remedy."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from shared.domain.connection import CLOUD_ENDPOINTS, Cloud, Endpoints
from shared.domain.ids import object_id
from shared.errors import Misconfigured, Rejected


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
    settings = Settings(
        storage_connection_string=connection_string,
        table_service_url=reader.url("AzureWebJobsStorage__tableServiceUri") if by_identity else None,
        queue_service_url=reader.url("AzureWebJobsStorage__queueServiceUri") if by_identity else None,
        managed_identity_client_id=environment.get("AzureWebJobsStorage__clientId") or None,
        key_vault_url=reader.url("KEY_VAULT_URL"),
        default_endpoints=Endpoints(
            login=reader.url("DEFAULT_LOGIN_ENDPOINT", CLOUD_ENDPOINTS[Cloud.GLOBAL].login),
            graph=reader.url("DEFAULT_GRAPH_ENDPOINT", CLOUD_ENDPOINTS[Cloud.GLOBAL].graph),
        ),
        allowed_endpoints=reader.pairs("ALLOWED_ENDPOINTS"),
        sign_in=reader.sign_in(),
        watchdog_stale_after_s=reader.seconds("WATCHDOG_STALE_AFTER_S", 900),
        run_deadline_s=reader.seconds("RUN_DEADLINE_S", 6 * 3600),
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
            self.problems.append(f"{name} is {text!r}, which is no https address")
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
            self.problems.append(f"{name} is {text!r}, which is no positive number of seconds")
        return value

    def sign_in(self) -> SignInSettings | None:
        names = ("SIGN_IN_AUDIENCE", "SIGN_IN_OPERATOR_TENANT_ID")
        if not any(self._environment.get(name) for name in (*names, "SIGN_IN_EASY_AUTH")):
            return None
        audience, operator_tenant = (self._guid(name) for name in names)
        easy_auth = self._environment.get("SIGN_IN_EASY_AUTH") or "false"
        if easy_auth not in {"true", "false"}:
            self.problems.append(f"SIGN_IN_EASY_AUTH is {easy_auth!r}; it is true or false")
        elif easy_auth == "true" and (self._environment.get("WEBSITE_AUTH_ENABLED") or "").lower() != "true":
            self.problems.append(
                "SIGN_IN_EASY_AUTH is true, but the platform does not say that its authentication is on "
                "(WEBSITE_AUTH_ENABLED): anybody could send its header"
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
            return object_id(text)
        except Rejected:
            self.problems.append(f"{name} is {text!r}, which is no GUID")
            return ""

    def pairs(self, name: str) -> tuple[Endpoints, ...]:
        pairs = []
        for text in (self._environment.get(name) or "").split():
            login, bar, graph = text.partition("|")
            if not bar or not _is_https(login) or not _is_https(graph):
                self.problems.append(f"{name} holds {text!r}, which is no pair https://login|https://graph")
            pairs.append(Endpoints(login=login.rstrip("/"), graph=graph.rstrip("/")))
        return tuple(pairs)


def _is_https(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme == "https" and bool(parts.hostname) and not parts.query and not parts.fragment
