"""One table says how errors are retried: it is what the host and the SDKs are told, and what the docs show."""

import json
from datetime import timedelta
from typing import Any

import pytest
from azure.core.pipeline.policies import AsyncRetryPolicy
from azure.storage.queue.aio import QueueServiceClient
from kiota_http.middleware import RetryHandler
from kiota_http.middleware.options import RetryHandlerOption

from shared.adapters.queues import RETRY_OPTIONS
from shared.domain import retry_policy
from shared.domain.retry_policy import (
    GRAPH_REQUEST,
    LOGIN_REQUEST,
    LOST_JOB,
    MAX_REQUESTS,
    NO_RESPONSE,
    QUEUE_REQUEST,
    REDELIVERY,
    REPEATED,
    RUN_DEADLINE_S,
    TABLE,
    TABLE_REQUEST,
    UNTIL_DEADLINE,
    VAULT_REQUEST,
    Retry,
)
from shared.domain.sync.jobs import QUEUES
from shared.settings import load
from tests.support.prose import ROOT

HOST = json.loads((ROOT / "host.json").read_text("utf-8"))
PAGE = (ROOT / "docs" / "reference" / "retries.md").read_text("utf-8")


def waits_of(policy: Any, retries: int) -> list[float]:  # noqa: ANN401 - the SDK's
    """Return the waits of azure-core before each retry, in seconds."""
    settings = policy.configure_retries({})
    waits = []
    for _ in range(retries):
        settings["history"].append(object())
        waits.append(float(policy.get_backoff_time(settings)))
    return waits


def row_of(retry: Retry) -> str:
    """Return the row of the page that shows a policy."""
    attempts = "until a deadline" if retry.attempts == UNTIL_DEADLINE else str(retry.attempts)
    wait = retry.wait
    if not wait and retry.first_wait_s:
        wait = f"{retry.first_wait_s:g} s"
        if retry.max_wait_s > retry.first_wait_s:
            wait += f", doubling to {retry.max_wait_s:g} s"
    return f"| {retry.error} | {retry.stage} | {attempts} | {wait or '-'} | {retry.outcome} |"


def test_the_host_redelivers_as_the_table_says() -> None:
    """`maxDequeueCount` deliveries, `visibilityTimeout` apart."""
    queues = HOST["extensions"]["queues"]
    assert queues["maxDequeueCount"] == REDELIVERY.attempts
    hours, minutes, seconds = map(int, queues["visibilityTimeout"].split(":"))
    assert timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds() == REDELIVERY.first_wait_s


def test_azure_core_waits_as_the_table_says() -> None:
    """For Table Storage, the login service and Key Vault, whose factor is the SDK's default."""
    for retry, options in (
        (TABLE_REQUEST, {"retry_backoff_factor": TABLE_REQUEST.first_wait_s}),
        (LOGIN_REQUEST, {"retry_backoff_factor": LOGIN_REQUEST.first_wait_s}),
        (VAULT_REQUEST, {}),
    ):
        policy: Any = AsyncRetryPolicy(retry_total=retry.retries, **options)
        waits_s = waits_of(policy, retry.retries)
        assert policy.total_retries == retry.retries
        assert retry.wait in {", ".join(f"{wait_s:g}" for wait_s in waits_s) + " s", f"up to {max(waits_s):g} s"}


async def test_queue_storage_waits_as_the_table_says() -> None:
    """At random, and never longer than the bound."""
    service: Any = QueueServiceClient("https://account.queue.core.windows.net", "a2V5", **RETRY_OPTIONS)
    policy = service._config.retry_policy
    assert policy.total_retries == QUEUE_REQUEST.retries
    waits_s = [policy.get_backoff_time({"count": count}) for count in range(QUEUE_REQUEST.retries) for _ in range(100)]
    assert max(waits_s) <= QUEUE_REQUEST.max_wait_s
    await service.close()


def test_graphs_sdk_waits_as_the_table_says() -> None:
    """About one second, then two: its own delay with up to a second of jitter, and the base delay."""
    option = RetryHandlerOption(delay=GRAPH_REQUEST.first_wait_s, max_retries=GRAPH_REQUEST.retries)
    assert (option.max_retry, option.max_delay) == (GRAPH_REQUEST.retries, GRAPH_REQUEST.first_wait_s)
    handler = RetryHandler(option)
    for number in range(1, GRAPH_REQUEST.attempts):
        wait_s = handler.get_delay_time(number, None, GRAPH_REQUEST.first_wait_s)
        least_s = GRAPH_REQUEST.first_wait_s * 2**number
        assert least_s - 0.5 <= wait_s <= least_s + 1
    assert {"429", "503", "504"} == {*map(str, RetryHandler.DEFAULT_RETRY_STATUS_CODES)}


def test_the_settings_begin_with_the_tables_values() -> None:
    """The watchdog's patience and the deadline of a run; a directory is asked again before its job counts as lost."""
    settings = load(
        {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "KEY_VAULT_URL": "https://vault.example",
        }
    )
    assert settings.watchdog_stale_after_s == LOST_JOB.first_wait_s
    assert settings.run_deadline_s == RUN_DEADLINE_S
    assert (settings.run_max_messages, settings.run_max_requests) == (REPEATED.attempts, MAX_REQUESTS)
    assert NO_RESPONSE.max_wait_s < LOST_JOB.first_wait_s


@pytest.mark.parametrize("section", TABLE)
def test_the_page_shows_the_table(section: str) -> None:
    """All rows of a section, in their order, and no others."""
    shown = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line for line in shown.splitlines() if line.startswith("|")][2:]
    assert rows == [row_of(retry) for retry in TABLE[section]]


def test_every_policy_is_in_the_table() -> None:
    """And every queue has a row that says how its dead letters end."""
    shown = {id(retry) for rows in TABLE.values() for retry in rows}
    assert all(id(value) in shown for value in vars(retry_policy).values() if isinstance(value, Retry))
    assert [retry.stage for retry in retry_policy.DEAD_LETTERS] == [f"`{queue}`" for queue in QUEUES]
