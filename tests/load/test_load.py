"""What the load measures, and how the page shows it."""

import asyncio
import os
import sys
from pathlib import Path
from time import process_time, time
from unittest.mock import Mock

import pytest

from infra.capacity.generated_section import is_current
from infra.local.functions_host.channel import Channel, Handler
from tests.load import hostile, worker
from tests.load.callbacks import recorded
from tests.load.page import PAGE, SECTION, table
from tests.load.samples import BARE, GET, Samples, figures, percentile, slowest_paths

OK = (range(200, 300),)


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_a_percentile_is_a_measured_value(percent: float, value: int) -> None:
    """The smallest that this share does not exceed, in whatever order they came."""
    assert percentile(list(range(100, 0, -1)), percent) == value
    assert percentile([7], percent) == 7
    with pytest.raises(ValueError, match="no value"):
        percentile([], percent)


def test_only_limits_are_no_errors() -> None:
    """A limited request has no latency; another answer than the wanted one is an error, also if it is a success."""
    samples = Samples(latencies_s={BARE: [0.01]})
    samples.add(GET, 0.03, 200, wanted=OK, what="GET /a", code="")
    samples.add(GET, 9.0, 429, wanted=OK, what="GET /a", code="rate_limited")
    samples.add(GET, 0.02, 503, wanted=OK, what="GET /a", code="storage_busy")
    samples.add("hostile", 0.02, 200, wanted=(range(400, 500),), what="hostile: it", code="")
    found = figures(samples)
    assert slowest_paths(samples) == {"GET /a": 30}
    assert (found["requests"], found["limited"], found["errors"], found["gets"]) == (4, 1, 2, 2)
    assert found["get_to_table_p99"] == pytest.approx(3)
    assert dict(samples.errors) == {"GET /a: 503 storage_busy": 1, "hostile: it: 200": 1}


async def test_callbacks_that_compute_for_long_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the CPU time of their thread and the name of their coroutine, without waits, imports and loading the app."""

    async def first() -> None:
        monkeypatch.setitem(sys.modules, "a_module_that_is_imported_now", sys)
        await compute()

    async def compute() -> None:
        until_s = process_time() + 2 * worker.RECORDED_S
        while process_time() < until_s:
            pass

    monkeypatch.setenv(worker.FOLDER, str(tmp_path))
    monkeypatch.setattr(asyncio.Handle, "_run", asyncio.Handle._run)
    handlers: dict[str, Handler] = {}
    worker.prepare(Channel(asyncio.StreamReader(), Mock(), handlers))
    await asyncio.create_task(compute())
    assert recorded(tmp_path, 0, time()) == []
    handlers["invoke"] = compute
    since_s = time()
    await asyncio.gather(*(asyncio.create_task(work) for work in (first(), compute(), asyncio.sleep(0.1))))
    assert (tmp_path / f"{os.getpid()}.jsonl").read_text().count("first") == 1
    found = recorded(tmp_path, since_s, time())
    assert len(found) == 1
    assert found[0].what.endswith("compute")
    assert found[0].cpu_s >= worker.RECORDED_S
    assert recorded(tmp_path, since_s - 10, since_s - 5) == []


def test_hostile_requests_have_different_names() -> None:
    """An error of one of them can be found."""
    names = [request.name for request in hostile.hostile_requests("contoso", "desk")]
    assert len(names) == len(set(names)) > 10


def test_the_page_has_a_section_for_the_figures() -> None:
    """Without a figure, its row says so."""
    assert "not measured" in table({})
    assert "| 0 | 0 |" in table({"errors": 0})
    assert not is_current(PAGE, "", name=SECTION)
