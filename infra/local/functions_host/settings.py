"""Settings of the host: host.json, local.settings.json and the environment, read and validated once."""

import hashlib
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from infra.local.functions_host.errors import Misconfigured

_TIMESPAN = re.compile(
    r"(?:(?P<days>\d{1,8})(?:\.|:(?=\d+:\d+:)))?(?P<hours>\d{1,8}):(?P<minutes>\d{1,8})"
    r"(?::(?P<seconds>\d{1,8})(?P<rest>\.\d{1,7})?)?"
)
_MIN_POLLING_S = 0.1
_SETTING = re.compile(r"%([^%]+)%")
#: Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values
_OVERRIDE = "azurefunctionsjobhost__"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """`extensions.queues` of host.json.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#hostjson-settings
    """

    #: messages per request, 1..32
    batch_size: int = 16
    #: largest number of messages in flight at which the next batch is requested; by default half of `batch_size` per
    #: processor
    new_batch_threshold: int = 8
    #: deliveries before a message goes to the poison queue
    max_dequeue_count: int = 5
    #: delay after a failure; independent of the lock of a message in flight
    visibility_timeout_s: int = 0
    max_polling_interval_s: float = 60.0
    #: whether messages are base64 on the wire
    base64: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """All settings of the host."""

    root: Path
    #: values of %NAME% expressions and connections: the environment, completed by local.settings.json
    environ: Mapping[str, str]
    #: part of the blob names of timers; hosts of the same folder share it, and so share the leases of timers
    host_id: str
    route_prefix: str = "api"
    queues: QueueOptions = field(default_factory=QueueOptions)
    #: None means without a limit
    function_timeout_s: float | None = 1800.0

    def expand(self, text: str) -> str:
        """Replace `%NAME%` by the values of settings.

        Raises:
            Misconfigured: A setting is missing.
        """

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in self.environ:
                raise Misconfigured(
                    f"%{name}% in {text!r} is not the name of a setting; add {name} to local.settings.json"
                )
            return self.environ[name]

        return _SETTING.sub(value, text)


class _Queues(msgspec.Struct, rename="camel"):
    batch_size: int = 16
    new_batch_threshold: int | None = None
    max_dequeue_count: int = 5
    visibility_timeout: str = "00:00:00"
    max_polling_interval: str = "00:01:00"
    message_encoding: str = "base64"


class _Http(msgspec.Struct, rename="camel"):
    route_prefix: str = "api"


class _Extensions(msgspec.Struct):
    queues: _Queues = msgspec.field(default_factory=_Queues)
    http: _Http = msgspec.field(default_factory=_Http)


class _HostJson(msgspec.Struct, rename="camel"):
    version: str = "2.0"
    function_timeout: str = "00:30:00"
    extensions: _Extensions = msgspec.field(default_factory=_Extensions)


#: Names of the supported sections, as host.json spells them.
_KNOWN: Final = {
    field.encode_name for kind in (_HostJson, _Extensions, _Http, _Queues) for field in msgspec.structs.fields(kind)
}


class _LocalSettings(msgspec.Struct):
    values: dict[str, str] = msgspec.field(name="Values", default_factory=dict)


def load_settings(root: Path, environ: MutableMapping[str, str] | None = None) -> HostSettings:
    """Return the settings of the app in `root`, and add the missing values of local.settings.json to `environ`.

    A setting such as `AzureFunctionsJobHost__extensions__queues__batchSize` replaces the value of host.json.

    Raises:
        Misconfigured: A file or one of its values is not usable.
    """
    environ = os.environ if environ is None else environ
    for name, value in _read(root / "local.settings.json", _LocalSettings).values.items():
        environ.setdefault(name, value)
    host_json = _host_json(root / "host.json", environ)
    if host_json.version != "2.0":
        raise Misconfigured(f'host.json has version {host_json.version!r}; Azure Functions 4 needs "2.0"')
    timeout = host_json.function_timeout
    return HostSettings(
        root=root,
        environ=environ,
        host_id=environ.get("AzureFunctionsWebHost__hostid") or _host_id(root),
        route_prefix=host_json.extensions.http.route_prefix.strip("/"),
        queues=_queue_options(host_json.extensions.queues),
        function_timeout_s=None if timeout == "-1" else seconds(timeout, "functionTimeout"),
    )


def seconds(timespan: str, name: str) -> float:
    """Return the length of a .NET timespan in seconds.

    As in .NET, a number alone is days, and so is the first of three if it cannot be hours: `24:00:00` is 24 days.

    Raises:
        Misconfigured: It is not a timespan. The message contains `name`, the name of the setting.
    """
    if timespan.isascii() and timespan.isdecimal():
        return _length(int(timespan), 0, 0, 0)
    if match := _TIMESPAN.fullmatch(timespan):
        days, hours, minutes, secs = (int(match[part] or 0) for part in ("days", "hours", "minutes", "seconds"))
        if _is_time(hours, minutes, secs):
            return _length(days, hours, minutes, secs) + float(match["rest"] or 0)
        if match["days"] is None and match["rest"] is None and _is_time(minutes, secs, 0):
            return _length(hours, minutes, secs, 0)
    raise Misconfigured(f'{name} is {timespan!r} in host.json; write it as "hh:mm:ss"')


def _is_time(hours: int, minutes: int, secs: int) -> bool:
    return hours < 24 and minutes < 60 and secs < 60  # noqa: PLR2004 (a day's parts)


def _length(days: int, hours: int, minutes: int, secs: int) -> float:
    return ((days * 24 + hours) * 60 + minutes) * 60 + secs


def _queue_options(queues: _Queues) -> QueueOptions:
    if not 1 <= queues.batch_size <= 32:  # noqa: PLR2004 (the service's own limit of one request)
        raise Misconfigured(f"extensions.queues.batchSize is {queues.batch_size}; it must be 1 to 32")
    if queues.max_dequeue_count < 1:
        raise Misconfigured(f"extensions.queues.maxDequeueCount is {queues.max_dequeue_count}; it must be at least 1")
    encoding = queues.message_encoding.lower()
    if encoding not in {"base64", "none"}:
        raise Misconfigured(f'extensions.queues.messageEncoding is {encoding!r}; it must be "base64" or "none"')
    polling_s = seconds(queues.max_polling_interval, "extensions.queues.maxPollingInterval")
    if polling_s < _MIN_POLLING_S:
        raise Misconfigured(
            f"extensions.queues.maxPollingInterval is {queues.max_polling_interval}; it must be at least 100 ms"
        )
    threshold = queues.new_batch_threshold
    return QueueOptions(
        batch_size=queues.batch_size,
        new_batch_threshold=queues.batch_size // 2 * (os.cpu_count() or 1) if threshold is None else threshold,
        max_dequeue_count=queues.max_dequeue_count,
        visibility_timeout_s=int(seconds(queues.visibility_timeout, "extensions.queues.visibilityTimeout")),
        max_polling_interval_s=polling_s,
        base64=encoding == "base64",
    )


def _host_json(path: Path, environ: Mapping[str, str]) -> _HostJson:
    values = _read(path, dict[str, Any])
    for name, value in environ.items():
        if name.lower().startswith(_OVERRIDE):
            _replace(values, name[len(_OVERRIDE) :].split("__"), value)
    try:
        return msgspec.convert(values, _HostJson, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"{path} and what overrides it cannot be used: {error}") from error


def _replace(values: dict[str, Any], names: list[str], value: str) -> None:
    """Replace the value at the path `names`. As in .NET's configuration, names ignore case."""
    for depth, given in enumerate(names):
        name = next((known for known in (*values, *_KNOWN) if known.lower() == given.lower()), given)
        if depth == len(names) - 1:
            values[name] = value
        elif not isinstance(values.setdefault(name, {}), dict):
            raise Misconfigured(f"{'.'.join(names[: depth + 1])} of host.json is a value and has no parts")
        else:
            values = values[name]


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind, strict=False)
    except FileNotFoundError:
        return kind()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error


def _host_id(root: Path) -> str:
    return hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:32]
