"""Settings name everything that is wrong, at once."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from infra.azure.defaults import DEFAULTS
from shared.adapters.stores.account_placement import KNOWN_FOR
from shared.domain.connections import secret_entry
from shared.domain.retry_policy import REDELIVERY
from shared.errors import Misconfigured
from shared.settings import load
from shared.workflows.tenants.deletion import SETTLED_AFTER
from tests.support.builders import person

ROOT = Path(__file__).parents[2]


def test_every_missing_setting_is_named() -> None:
    """One message tells the operator the whole list and where to set it."""
    with pytest.raises(Misconfigured) as raised:
        load({})
    for name in ("AzureWebJobsStorage__tableServiceUri", "AzureWebJobsStorage__queueServiceUri", "KEY_VAULT_URL"):
        assert name in str(raised.value)
    assert "local.settings.json" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEY_VAULT_URL", "http://vault.example"),
        ("JOB_BUDGET_S", "soon"),
        ("RUN_DEADLINE_S", "-1"),
        ("AUDIT_RETENTION_DAYS", "-1"),
        ("AUDIT_RETENTION_DAYS", "7"),
        ("AUDIT_RETENTION_DAYS", "400.5"),
        ("AUDIT_RETENTION_DAYS", "36501"),
        ("RUN_MAX_MESSAGES", "0"),
        ("RUN_MAX_REQUESTS", "2.5"),
        ("KEY_VAULT_URL", "https://vault.example?sig=a2V5"),
        ("KEY_VAULT_URL", "https://[vault.example"),
        ("DEFAULT_GRAPH_ENDPOINT", "https://graph.example:a2V5"),
        ("ALLOWED_ENDPOINTS", "https://login.example"),
        ("ALLOWED_ENDPOINTS", "https://login.example|https://[graph.example"),
        ("DEFAULT_LOGIN_ENDPOINT", "login.example"),
        ("OTEL_TRACES_SAMPLER_ARG", "10%"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
        ("RATE_LIMITS", "search=often"),
    ],
)
def test_a_malformed_setting_is_named_without_its_value(name: str, value: str) -> None:
    """The message is public, and a value may be a key that was entered in the wrong place."""
    good = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "KEY_VAULT_URL": "https://vault.example"}
    assert load(good).key_vault_url == "https://vault.example"
    with pytest.raises(Misconfigured, match=name) as raised:
        load({**good, name: value})
    assert value not in str(raised.value)


GOOD = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "KEY_VAULT_URL": "https://vault.example"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": "x"}, ("x", None, 1)),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": "x", "OTEL_TRACES_SAMPLER_ARG": "0.1"}, ("x", None, 0.1)),
        ({"APPLICATIONINSIGHTS_CONNECTION_STRING": "x", "TELEMETRY_FOLDER": "f"}, (None, "f", 1)),
    ],
)
def test_telemetry_goes_to_a_folder_or_to_azure(
    given: dict[str, str], expected: tuple[str | None, str | None, float] | None
) -> None:
    """Without either setting nothing is exported."""
    telemetry = load({**GOOD, **given}).telemetry
    found = telemetry and (telemetry.connection_string, telemetry.folder, telemetry.sample_ratio)
    assert found == expected


SIGN_IN = {"SIGN_IN_AUDIENCE": person(1).upper(), "SIGN_IN_OPERATOR_TENANT_ID": person(2)}


def test_sign_in_is_off_or_whole() -> None:
    """Either no setting of it, or audience and operator's tenant; Easy Auth only where it is said to be."""
    assert load(GOOD).sign_in is None
    found = load(GOOD | SIGN_IN).sign_in
    assert found is not None
    assert (found.audience, found.operator_tenant, found.easy_auth) == (person(1), person(2), False)
    assert found.login == "https://login.microsoftonline.com"
    assert found.clients == frozenset()
    some = load(GOOD | SIGN_IN | {"SIGN_IN_CLIENTS": f"{person(3).upper()} {person(4)}"}).sign_in
    assert some is not None
    assert some.clients == {person(3), person(4)}
    easy = load(GOOD | SIGN_IN | {"SIGN_IN_EASY_AUTH": "true", "WEBSITE_AUTH_ENABLED": "True"}).sign_in
    assert easy is not None
    assert easy.easy_auth


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"SIGN_IN_AUDIENCE": ""}, "SIGN_IN_AUDIENCE"),
        ({"SIGN_IN_AUDIENCE": "api://recipients"}, "SIGN_IN_AUDIENCE"),
        ({"SIGN_IN_OPERATOR_TENANT_ID": ""}, "SIGN_IN_OPERATOR_TENANT_ID"),
        ({"SIGN_IN_CLIENTS": f"{person(3)} portal"}, "SIGN_IN_CLIENTS"),
        ({"SIGN_IN_EASY_AUTH": "yes"}, "SIGN_IN_EASY_AUTH"),
        ({"SIGN_IN_EASY_AUTH": "true"}, "WEBSITE_AUTH_ENABLED"),
        ({"SIGN_IN_EASY_AUTH": "true", "WEBSITE_AUTH_ENABLED": "False"}, "WEBSITE_AUTH_ENABLED"),
    ],
)
def test_half_a_sign_in_is_named(changes: dict[str, str], name: str) -> None:
    """Rather than letting nobody in, or everybody."""
    with pytest.raises(Misconfigured, match=name):
        load(GOOD | SIGN_IN | changes)


def test_further_addresses_of_the_portal() -> None:
    """Only addresses of https without a path can be the origin of a page."""
    assert load(GOOD).portal_origins == ()
    named = {"PORTAL_ORIGINS": "https://portal.example/ https://other.example:8443"}
    assert load(GOOD | named).portal_origins == ("https://portal.example", "https://other.example:8443")
    for wrong in (
        "http://portal.example",
        "portal.example",
        "https://portal.example/portal",
        "*",
        "https://a@b.example",
    ):
        with pytest.raises(Misconfigured, match="PORTAL_ORIGINS"):
            load(GOOD | {"PORTAL_ORIGINS": wrong})


def test_only_hosts_that_the_operator_set_may_be_inside() -> None:
    """The clouds' own may not, even if they are named again."""
    allowed = "https://login.inside|https://graph.inside https://login.microsoftonline.us|https://graph.microsoft.us"
    changes = {"ALLOWED_ENDPOINTS": allowed, "DEFAULT_GRAPH_ENDPOINT": "https://127.0.0.1:8443"}
    assert load(GOOD | changes).own_hosts() == {"login.inside", "graph.inside", "127.0.0.1"}
    assert load(GOOD).own_hosts() == frozenset()


KEY = "AccountKey=a2V5PT0="
HERE = f"AccountName=here;{KEY};TableEndpoint=http://127.0.0.1:10002/here"


def test_further_accounts_are_addresses_or_connection_strings() -> None:
    """What follows the name is an https address, reached as the app itself, or else a connection string."""
    named = f"west=https://West.table.core.windows.net/ local-1={HERE}; east=AccountName=east;{KEY}"
    found = load(GOOD | {"TABLE_ACCOUNTS": named, "NEW_TENANTS_ACCOUNT": "local-1"})
    assert [
        (account.name, account.url, account.connection_string, account.address) for account in found.table_accounts
    ] == [
        ("west", "https://West.table.core.windows.net", None, "https://west.table.core.windows.net"),
        ("local-1", None, f"{HERE};", "http://127.0.0.1:10002/here"),
        ("east", None, f"AccountName=east;{KEY}", "https://east.table.core.windows.net"),
    ]
    assert found.new_tenants_account == "local-1"
    assert found.first_account().address == "http://127.0.0.1:10002/devstoreaccount1"
    assert (load(GOOD).table_accounts, load(GOOD).new_tenants_account) == ((), "")
    by_identity = {
        "AzureWebJobsStorage__tableServiceUri": "https://first.table.core.windows.net/",
        "AzureWebJobsStorage__queueServiceUri": "https://first.queue.core.windows.net",
        "KEY_VAULT_URL": "https://vault.example",
    }
    assert load(by_identity).first_account().address == "https://first.table.core.windows.net"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("west", "in entry 1"),
        ("https://west.example", "before the = of entry 1"),
        ("=https://west.example", "no name"),
        ("West=https://west.example", "no name of a-z"),
        (f"{HERE}", "no name of a-z"),
        ("west=", "in entry 1"),
        ("west=http://west.example", "neither an https address nor a connection string"),
        ("west=https://west.example?sig=secret", "neither"),
        ("west=AccountName=west", "neither"),
        ("west=AccountName=west;AccountKey=", "neither"),
        (f"west={KEY}", "neither"),
        ("west=https://west.example west=https://east.example", "repeats a name in entry 2"),
        (
            "west=https://west.example east=https://WEST.example/",
            "repeats the address of another account in entry 2",
        ),
        (
            "west=UseDevelopmentStorage=true",
            "repeats the address of another account in entry 1",
        ),
    ],
)
def test_a_further_account_that_cannot_be_meant_is_named(value: str, said: str) -> None:
    """By its place, never by what may hold a key."""
    with pytest.raises(Misconfigured, match="TABLE_ACCOUNTS") as raised:
        load(GOOD | {"TABLE_ACCOUNTS": value})
    assert said in str(raised.value)
    assert "a2V5PT0" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_new_tenants_go_to_an_account_that_is_named() -> None:
    """Or to the first one."""
    with pytest.raises(Misconfigured, match="NEW_TENANTS_ACCOUNT is an account that TABLE_ACCOUNTS does not name"):
        load(GOOD | {"TABLE_ACCOUNTS": "west=https://west.example", "NEW_TENANTS_ACCOUNT": "east"})


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [
        ("KEEP_RUNS_DAYS", "7", 8),
        ("KEEP_JOBS_DAYS", "-30", 8),
        ("KEEP_DEACTIVATED_DAYS", "8.5", 8),
        ("KEEP_LEDGER_DAYS", "9" * 5_000, 8),
        ("KEEP_IMPORT_REPORTS_DAYS", "0", 1),
    ],
)
def test_nothing_is_kept_for_less_than_it_is_needed(name: str, value: str, least: int) -> None:
    """The guard looks back a week, so runs and what belongs to them are kept for eight days."""
    with pytest.raises(Misconfigured, match=f"{name} is not a number of days from {least} to 36500"):
        load(GOOD | {name: value})
    load(GOOD | {"KEEP_RUNS_DAYS": "365", name: str(least)})


def test_what_runs_explain_is_not_kept_longer_than_runs() -> None:
    """A shorter time for runs holds for their jobs and for deactivated recipients, too."""
    kept = load(GOOD | {"KEEP_RUNS_DAYS": "20"}).retention
    assert (kept.runs, kept.jobs, kept.deactivated) == (timedelta(days=20),) * 3
    for name in ("KEEP_JOBS_DAYS", "KEEP_DEACTIVATED_DAYS"):
        with pytest.raises(Misconfigured, match=f"{name} is more than KEEP_RUNS_DAYS"):
            load(GOOD | {"KEEP_RUNS_DAYS": "20", name: "21"})


def test_a_deleted_tenant_is_swept_when_no_function_can_be_running() -> None:
    """host.json ends a function before that, and before a tenant is placed where an older worker does not look."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    assert timedelta(hours=hours, minutes=minutes, seconds=seconds) < min(
        SETTLED_AFTER, KNOWN_FOR, secret_entry.SETTLED_AFTER
    )


def test_the_example_settings_are_complete() -> None:
    """A copy of local.settings.example.json has what the app needs, and the schedules of a deployment."""
    example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    load(example)
    schedules = {name: value for name, value in DEFAULTS.items() if name.endswith("_SCHEDULE")}
    assert schedules == {name: example[name] for name in ("SYNC_SCHEDULE", "WATCHDOG_SCHEDULE")}


def test_the_product_and_the_host_agree_on_the_last_delivery() -> None:
    """A fetch gives up at the delivery after which the host would set its message aside."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    assert host["extensions"]["queues"]["maxDequeueCount"] == REDELIVERY.attempts
    assert host["extensions"]["queues"]["messageEncoding"] == "none"
