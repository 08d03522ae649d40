"""Function definitions as the decorators describe them: one trigger and its outputs."""

import re
from dataclasses import dataclass

import msgspec

from infra.local.functions_host.errors import Rejected
from infra.local.functions_host.settings import HostSettings

# Source: https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")

#: name of the binding that receives a function's return value
RETURN = "$return"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """Runs a function for each matching request."""

    #: without the route prefix, as in `tenants/{tenant}`
    route: str
    #: upper case; empty means every method
    methods: frozenset[str]
    #: ANONYMOUS, FUNCTION or ADMIN
    auth_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTrigger:
    """Runs a function for each message of a queue."""

    queue: str
    #: name of the setting, or prefix of the settings, with the account
    connection: str
    #: whether the function receives bytes instead of text
    binary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    """Runs a function on a schedule, in UTC."""

    schedule: str
    use_monitor: bool
    run_on_startup: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOutput:
    """Sends the value that the function sets to a queue."""

    name: str
    queue: str
    connection: str


Trigger = HttpTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDefinition:
    """One function with its trigger and its outputs."""

    name: str
    #: the id that the worker library assigned
    function_id: str
    #: Python parameter for the value of the trigger
    parameter: str
    trigger: Trigger
    outputs: tuple[QueueOutput, ...]

    @property
    def scale_group(self) -> str:
        """The name of the functions that scale together: `http`, or the function itself.

        Source: https://learn.microsoft.com/azure/azure-functions/event-driven-scaling#per-function-scaling
        """
        return "http" if isinstance(self.trigger, HttpTrigger) else self.name


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
    """Return the function for these bindings (JSON objects, as the worker library reports them).

    Raises:
        Rejected: This host does not support the kind of a binding.
        Misconfigured: A `%NAME%` in a binding is not the name of a setting.
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
        raise Rejected(
            f"function {function}: binding {binding.name} has the type {binding.type}, which this host does not support"
        )
    return True


def _queue_name(function: str, binding: _Binding, settings: HostSettings) -> str:
    name = settings.expand(binding.queue_name)
    if "{" in name:
        raise Rejected(f"function {function}: binding expressions as in {name!r} are not supported by this host")
    name = name.lower()
    if not _QUEUE_NAME.fullmatch(name):
        raise Rejected(
            f"function {function}: {name!r} is not a valid queue name; use 3 to 63 letters, digits and single dashes"
        )
    return name


def _connection(binding: _Binding) -> str:
    return binding.connection or "AzureWebJobsStorage"
