"""Facts that Azure is told and the code has as well: the snapshots have exactly the code's."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import function_app
from infra.azure.snapshot import FOLDER, Snapshot
from infra.package.build import PYTHON
from shared.adapters.stores import table_names
from shared.domain.sync.jobs import ALL_QUEUES
from shared.settings import load

ROOT = Path(__file__).parents[3]

#: Settings that the platform reads and the product does not, and what for.
PLATFORM = {
    "AzureWebJobsStorage__credential": "connect to storage with the managed identity",
    "AzureWebJobsStorage__blobServiceUri": "leases, keys and the state of timers",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "send telemetry with the managed identity",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "keep statistics about the exporter from Microsoft",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "keep them from Application Insights",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "load no settings of the exporter from Microsoft",
    "PYTHON_ENABLE_OPENTELEMETRY": "the worker passes on the host's trace, and no logs",
    "OTEL_TRACES_SAMPLER": "the host samples its traces as the product does",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "sign people in without a client secret",
}
#: Settings that the product reads and a deployment must not set, and why.
NOT_DEPLOYED = {
    "AzureWebJobsStorage": "a connection string contains a key",
    "TELEMETRY_FOLDER": "files of an instance are lost with it",
    "WEBSITE_AUTH_ENABLED": "set by the platform when its authentication is on",
}


class Recording(dict[str, str]):
    """An environment that records which settings are read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - as dict's
        """Return the value of a setting and record its name."""
        self.read.add(key)
        return super().get(key, default)


def resource(resource_id: str, path: str) -> str:
    """Return an address that looks like that of the resource."""
    if path == "clientId":
        return "22222222-2222-2222-2222-222222222222"
    return f"https://{path.rsplit('.', maxsplit=1)[-1].lower()}.{resource_id.rsplit('/', maxsplit=1)[-1]}.example/"


def of_triggers() -> set[str]:
    """Return the settings that bindings of the functions name."""
    functions: list[Any] = [builder._function for builder in function_app.app._function_builders]
    return {
        name for function in functions for name in re.findall(r"%(\w+)%", str(function.get_trigger().get_dict_repr()))
    }


def test_the_app_settings_are_those_that_are_read(snapshot: Snapshot) -> None:
    """A setting that is added to the product is deployed; one that is not read is not."""
    environment = Recording(snapshot.evaluated_settings(resource) | {"WEBSITE_AUTH_ENABLED": "True"})
    load(environment)
    assert set(snapshot.app_settings()) == ((environment.read | of_triggers()) - set(NOT_DEPLOYED)) | set(PLATFORM)


def test_the_product_starts_with_the_settings(prod: Snapshot) -> None:
    """With storage by identity, the further table account, and sign-in behind the platform's authentication."""
    settings = load(prod.evaluated_settings(resource) | {"WEBSITE_AUTH_ENABLED": "True"})
    assert settings.storage_connection_string is None
    assert [account.name for account in settings.table_accounts] == ["two"]
    assert settings.new_tenants_account == "two"
    assert settings.sign_in is not None
    assert settings.sign_in.easy_auth


def test_an_environment_can_replace_every_setting_of_the_list() -> None:
    """`azd env set NAME value` reaches the app under the same name."""
    parameters = json.loads((FOLDER / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    listed = json.loads((FOLDER / "settings.json").read_text(encoding="utf-8"))
    assert parameters["settings"]["value"] == {name: f"${{{name}=}}" for name in listed}


def test_every_parameter_can_be_set(snapshot: Snapshot) -> None:
    """main.parameters.json names every parameter of main.bicep, with the same default."""
    del snapshot
    text = (FOLDER / "main.bicep").read_text(encoding="utf-8")
    declared = dict(re.findall(r"^param (\w+) \w+(?: = (.+))?$", text, re.MULTILINE))
    parameters = json.loads((FOLDER / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert list(parameters) == list(declared)
    given = {name: re.fullmatch(r"\$\{\w+(?:=(.*))?\}", str(entry["value"])) for name, entry in parameters.items()}
    defaults = {name: match[1] for name, match in given.items() if match}
    assert defaults == {
        name: default.strip("'") if default else None for name, default in declared.items() if name != "settings"
    }


def test_the_queues_are_those_of_the_code(snapshot: Snapshot) -> None:
    """Poison queues included: a missing role or name shows at deployment."""
    first, *further = snapshot.storage_accounts
    assert snapshot.queues(first) == sorted(ALL_QUEUES)
    assert [snapshot.queues(account) for account in further] == [[] for _ in further]


def test_the_tables_are_those_of_the_code(snapshot: Snapshot) -> None:
    """In every account, because any may hold tenants."""
    names = sorted(table_names.ALL_TABLES)
    assert names == sorted(
        value for name, value in vars(table_names).items() if name.isupper() and isinstance(value, str)
    )
    assert {account: snapshot.tables(account) for account in snapshot.storage_accounts} == dict.fromkeys(
        snapshot.storage_accounts, names
    )


def test_the_runtime_is_that_of_the_package(snapshot: Snapshot) -> None:
    """The package's compiled modules run on one version of Python only."""
    runtime = snapshot.one("Microsoft.Web/sites")["properties"]["functionAppConfig"]["runtime"]
    assert runtime == {"name": "python", "version": PYTHON}


@pytest.mark.parametrize("name", ["queues.json", "tables.json", "settings.json", "roles.json"])
def test_a_list_has_no_duplicates(name: str) -> None:
    """JSON keeps the last of two equal names."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    names = re.findall(r'^  "([^"]+)"', text, re.MULTILINE)
    assert len(names) == len(set(names)) == len(json.loads(text))
