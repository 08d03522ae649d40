"""A function as its decorators describe it: one trigger and its outputs."""

import re
from dataclasses import dataclass

import msgspec

from infra.local.functions_host.errors import Rejected
from infra.local.functions_host.settings import HostSettings

# Source: https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")

#: the name of the binding a function's return value goes to
RETURN = "$return"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """Runs on a request."""

    #: without the prefix, as in `tenants/{tenant}`
    route: str
    #: upper case; empty means every method
    methods: frozenset[str]
    #: ANONYMOUS, FUNCTION or ADMIN
    auth_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTrigger:
    """Runs on a message."""

    queue: str
    #: name of the setting, or prefix of the settings, that tell the account
    connection: str
    #: True gives the function bytes, whether they are text or not
    binary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    """Runs by the clock, in UTC."""

    schedule: str
    use_monitor: bool
    run_on_startup: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOutput:
    """What the function sets is sent to a queue."""

    name: str
    queue: str
    connection: str


Trigger = HttpTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDefinition:
    """One function, ready to be listened for and invoked."""

    name: str
    #: the worker library's id of it
    function_id: str
    #: the Python parameter that takes the trigger's value
    parameter: str
    trigger: Trigger
    outputs: tuple[QueueOutput, ...]


class _Binding(msgspec.Struct, rename="camel"):
    type: str
    name: str
    direction: str
    route: str | None = None
    methods: list[str] | None = None
    auth_level: str = "FUNCTION"
    queue_name: str = ""
    connection: str | None = None
    data_type: str | None = None
    schedule: str = ""
    use_monitor: bool | None = None
    run_on_startup: bool | None = None


def define(name: str, function_id: str, raw_bindings: list[str], settings: HostSettings) -> FunctionDefinition:
    """The function of these bindings (JSON objects, as the worker library reports them).

    Raises:
        Rejected: a binding is of a kind this host does not have.
        Misconfigured: a `%NAME%` in it names no setting.
    """
    bindings = [msgspec.json.decode(raw, type=_Binding, strict=False) for raw in raw_bindings]
    triggers = [binding for binding in bindings if binding.type.endswith("Trigger")]
    if len(triggers) != 1:
        raise Rejected(f"function {name} has {len(triggers)} triggers; it must have one")
    return FunctionDefinition(
        name=name,
        function_id=function_id,
        parameter=triggers[0].name,
        trigger=_trigger(name, triggers[0], settings),
        outputs=tuple(
            QueueOutput(name=b.name, queue=_queue_name(name, b, settings), connection=_connection(b))
            for b in bindings
            if b is not triggers[0] and _is_queue_output(name, b)
        ),
    )


def _trigger(function: str, binding: _Binding, settings: HostSettings) -> Trigger:
    match binding.type:
        case "httpTrigger":
            return HttpTrigger(
                route=(binding.route or function).strip("/"),
                methods=frozenset(method.upper() for method in binding.methods or ()),
                auth_level=binding.auth_level.upper(),
            )
        case "queueTrigger":
            return QueueTrigger(
                queue=_queue_name(function, binding, settings),
                connection=_connection(binding),
                binary=(binding.data_type or "").upper() == "BINARY",
            )
        case "timerTrigger":
            return TimerTrigger(
                schedule=settings.expand(binding.schedule),
                use_monitor=binding.use_monitor is not False,
                run_on_startup=binding.run_on_startup is True,
            )
        case other:
            raise Rejected(f"function {function} has a {other}; this host has http, queue and timer triggers")


def _is_queue_output(function: str, binding: _Binding) -> bool:
    if binding.type == "http" and binding.direction == "OUT":
        return False
    if binding.type != "queue" or binding.direction != "OUT":
        raise Rejected(f"function {function}: binding {binding.name} ({binding.type}) is none this host has")
    return True


def _queue_name(function: str, binding: _Binding, settings: HostSettings) -> str:
    name = settings.expand(binding.queue_name)
    if "{" in name:
        raise Rejected(f"function {function}: binding expressions as in {name!r} are not supported by this host")
    name = name.lower()
    if not _QUEUE_NAME.fullmatch(name):
        raise Rejected(
            f"function {function}: {name!r} is no queue's name; use 3 to 63 letters, digits and single dashes"
        )
    return name


def _connection(binding: _Binding) -> str:
    return binding.connection or "AzureWebJobsStorage"
