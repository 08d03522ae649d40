"""The host rejects what Azure rejects, before it listens."""

from pathlib import Path

import pytest

from infra.local.functions_host import worker
from infra.local.functions_host.definitions import HttpTrigger, QueueTrigger, TimerTrigger
from infra.local.functions_host.errors import HostError, Misconfigured, Rejected
from infra.local.functions_host.settings import HostSettings, load_settings, seconds

pytestmark = pytest.mark.usefixtures("fresh_app")

HEAD = """
from typing import List
import azure.functions as func
app = func.FunctionApp()
"""
QUEUE = '@app.queue_trigger(arg_name="msg", queue_name="work", connection="AzureWebJobsStorage")\n'
OUT = '@app.queue_output(arg_name="out", queue_name="out", connection="AzureWebJobsStorage")\n'

REJECTED = {
    "two apps": ("other = func.FunctionApp()\n", "More than one"),
    "no app": ("del app\n", "Could not find top level function app"),
    "no functions": ("", "has no functions"),
    "duplicate names": (
        """
@app.route(route="a")
def f(req: func.HttpRequest) -> str: ...
@app.function_name("f")
@app.route(route="b")
def g(req: func.HttpRequest) -> str: ...
""",
        "unique",
    ),
    "two triggers": (
        '@app.route(route="a")\n' + QUEUE + "def f(req: func.HttpRequest, msg: func.QueueMessage) -> str: ...\n",
        "A trigger was already registered",
    ),
    "undeclared parameter": (QUEUE + "def f(msg: func.QueueMessage, more: str) -> None: ...\n", "more"),
    "unused binding": (QUEUE + OUT + "def f(msg: func.QueueMessage) -> None: ...\n", "out"),
    "wrong trigger annotation": (QUEUE + "def f(msg: func.HttpRequest) -> None: ...\n", "msg"),
    "builtin list in Out": (
        QUEUE + OUT + "def f(msg: func.QueueMessage, out: func.Out[list[str]]) -> None: ...\n",
        "out",
    ),
    "output without Out": (QUEUE + OUT + "def f(msg: func.QueueMessage, out: str) -> None: ...\n", "out"),
    "import error": ("import no_such_module\n", "no_such_module"),
    "syntax error": ("def f(:\n", "SyntaxError"),
    "other trigger": (
        '@app.blob_trigger(arg_name="b", path="c/n", connection="X")\ndef f(b: func.InputStream) -> None: ...\n',
        "blobTrigger",
    ),
    "invalid name": (
        '@app.function_name("1st")\n@app.route(route="a")\ndef f(req: func.HttpRequest) -> str: ...\n',
        "1st",
    ),
    "invalid queue": (
        '@app.queue_trigger(arg_name="m", queue_name="a--b", connection="X")\ndef f(m: str) -> None: ...\n',
        "a--b",
    ),
}


def settings(tmp_path: Path, source: str, environ: dict[str, str] | None = None) -> HostSettings:
    """The settings of an app with this source."""
    (tmp_path / "function_app.py").write_text(HEAD + source)
    return load_settings(tmp_path, environ if environ is not None else {})


@pytest.mark.parametrize("name", REJECTED)
async def test_rejects(name: str, tmp_path: Path) -> None:
    """What Azure does not load is rejected with a message that names it."""
    source, told = REJECTED[name]
    with pytest.raises(Rejected) as caught:
        await worker.load(settings(tmp_path, source))
    assert told in str(caught.value)


async def test_rejects_a_folder_without_an_app(tmp_path: Path) -> None:
    """A folder without function_app.py is rejected."""
    with pytest.raises(Rejected, match=r"no function_app\.py"):
        await worker.load(load_settings(tmp_path, {}))


async def test_missing_setting(tmp_path: Path) -> None:
    """A %NAME% that no setting answers stops the start."""
    source = QUEUE.replace('"work"', '"%WORK_QUEUE%"') + "def f(msg: func.QueueMessage) -> None: ...\n"
    with pytest.raises(Misconfigured, match="WORK_QUEUE"):
        await worker.load(settings(tmp_path, source))


async def test_indexes_functions_by_name(tmp_path: Path) -> None:
    """Functions come in the order of their names, with settings put into their bindings."""
    source = (
        QUEUE.replace('"work"', '"%WORK_QUEUE%"') + "async def z_queue(msg: func.QueueMessage) -> None: ...\n"
        '@app.timer_trigger(arg_name="t", schedule="%WHEN%", run_on_startup=True)\n'
        "async def timer(t: func.TimerRequest) -> None: ...\n"
        '@app.route(route="a/{b}", methods=["GET"], auth_level="ADMIN")\n'
        "async def a_route(req: func.HttpRequest) -> str: ...\n"
    )
    found = await worker.load(settings(tmp_path, source, {"WORK_QUEUE": "Jobs", "WHEN": "0 0 * * * *"}))
    assert [one.name for one in found] == ["a_route", "timer", "z_queue"]
    assert found[0].trigger == HttpTrigger(route="a/{b}", methods=frozenset({"GET"}), auth_level="ADMIN")
    assert found[1].trigger == TimerTrigger(schedule="0 0 * * * *", use_monitor=True, run_on_startup=True)
    assert found[2].trigger == QueueTrigger(queue="jobs", connection="AzureWebJobsStorage", binary=False)


def test_environment_wins_over_local_settings(tmp_path: Path) -> None:
    """Values of local.settings.json fill the environment, and never replace what it has."""
    (tmp_path / "local.settings.json").write_text('{"Values": {"A": "file", "B": "file"}}')
    environ = {"A": "environment"}
    assert load_settings(tmp_path, environ).environ == {"A": "environment", "B": "file"}


def test_reads_host_json(tmp_path: Path) -> None:
    """The options of host.json arrive with their units."""
    (tmp_path / "host.json").write_text(
        '{"version": "2.0", "functionTimeout": "00:10:00", "extensions": {"http": {"routePrefix": ""}, "queues": {'
        '"batchSize": 4, "newBatchThreshold": 2, "maxDequeueCount": 3, "visibilityTimeout": "00:00:30",'
        '"maxPollingInterval": "00:00:02",'
        '"messageEncoding": "none"}}}'
    )
    read = load_settings(tmp_path, {})
    assert (read.function_timeout_s, read.route_prefix) == (600, "")
    assert (read.queues.batch_size, read.queues.new_batch_threshold, read.queues.max_dequeue_count) == (4, 2, 3)
    assert (read.queues.visibility_timeout_s, read.queues.max_polling_interval_s, read.queues.base64) == (30, 2, False)


def test_settings_override_host_json(tmp_path: Path) -> None:
    """A setting replaces what host.json says, and adds what it does not say, whatever the case of either."""
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": {"queues": {"batchSize": 4}}}')
    overrides = {
        "AzureFunctionsJobHost__extensions__Queues__BATCHSIZE": "1",
        "AzureFunctionsJobHost__extensions__queues__NewBatchThreshold": "0",
        "AzureFunctionsJobHost__functionTimeout": "-1",
        "AzureFunctionsJobHost__extensions__http__routePrefix": "v1",
    }
    read = load_settings(tmp_path, dict(overrides))
    assert (read.queues.batch_size, read.queues.new_batch_threshold) == (1, 0)
    assert (read.function_timeout_s, read.route_prefix) == (None, "v1")


@pytest.mark.parametrize("name", ["version__major", "extensions__queues", "extensions__queues__batchSize"])
def test_rejects_wrong_overrides(tmp_path: Path, name: str) -> None:
    """An override that fits nothing stops the start."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    with pytest.raises(HostError):
        load_settings(tmp_path, {f"AzureFunctionsJobHost__{name}": "many"})


@pytest.mark.parametrize(
    "queues",
    [
        '{"batchSize": 33}',
        '{"maxDequeueCount": 0}',
        '{"messageEncoding": "utf8"}',
        '{"maxPollingInterval": "00:00:00.099"}',
        '{"visibilityTimeout": "00:00:60"}',
        '{"visibilityTimeout": "30 s"}',
    ],
)
def test_rejects_wrong_options(tmp_path: Path, queues: str) -> None:
    """An option the host would refuse stops the start."""
    (tmp_path / "host.json").write_text(f'{{"version": "2.0", "extensions": {{"queues": {queues}}}}}')
    with pytest.raises(HostError):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("timespan", "length_s"),
    [
        ("00:00:15", 15),
        ("24:00:00", 24 * 86_400),
        ("15", 15 * 86_400),
        ("1.02:03", 93_780),
        ("1.02:03:04.5", 93_784.5),
        ("1:02:03:04", 93_784),
        ("12:30", 45_000),
    ],
)
def test_timespans_are_those_of_dotnet(timespan: str, length_s: float) -> None:
    """A number alone is days, and so is the first of three numbers if it is not a time's hours."""
    assert seconds(timespan, "visibilityTimeout") == length_s


def test_threshold_depends_on_the_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, the next batch is requested at half a batch per processor."""
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert load_settings(tmp_path, {}).queues.new_batch_threshold == 32
