"""Settings name everything that is wrong, at once."""

import json
from pathlib import Path

import pytest

from shared.errors import Misconfigured
from shared.settings import load
from shared.triggers.queues import MAX_DEQUEUE_COUNT

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
        ("ALLOWED_ENDPOINTS", "https://login.example"),
        ("DEFAULT_LOGIN_ENDPOINT", "login.example"),
    ],
)
def test_a_malformed_setting_is_named_with_its_value(name: str, value: str) -> None:
    """The message says what is wrong with it."""
    good = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "KEY_VAULT_URL": "https://vault.example"}
    assert load(good).key_vault_url == "https://vault.example"
    with pytest.raises(Misconfigured, match=name) as raised:
        load({**good, name: value})
    assert value in str(raised.value)


def test_the_example_settings_are_complete() -> None:
    """Whoever copies local.settings.example.json has what the app needs."""
    example = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    load(example)
    assert {"SYNC_SCHEDULE", "WATCHDOG_SCHEDULE"} <= example.keys()


def test_the_product_and_the_host_agree_on_the_last_delivery() -> None:
    """A fetch gives up at the delivery after which the host would set its message aside."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    assert host["extensions"]["queues"]["maxDequeueCount"] == MAX_DEQUEUE_COUNT
    assert host["extensions"]["queues"]["messageEncoding"] == "none"
