"""Microsoft's worker library in this process. Only this file imports `azure_functions_runtime`.

The library is written for a worker that exchanges protobuf messages with the host. `_Protos` replaces the protobuf
module that its indexing reads. Its invocation has an entry point without protobuf, which uses `Datum`s.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import azure_functions_runtime as runtime
from azure_functions_runtime.bindings.datumdef import Datum as RuntimeDatum
from azure_functions_runtime.handle_event import _functions as registry
from azure_functions_runtime.native_invocation import invocation_request_native

from infra.local.functions_host.definitions import FunctionDefinition, define
from infra.local.functions_host.errors import Rejected
from infra.local.functions_host.settings import HostSettings

# Source: Utility.cs of the Functions host.
_FUNCTION_NAME = re.compile(r"(?!host$)[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE | re.ASCII)


class Datum(Protocol):
    """A value that is passed to or returned by a function. `type` is string, bytes, json, http or None."""

    value: Any
    type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of an invocation."""

    succeeded: bool
    returned: Datum | None = None
    #: values of `func.Out` parameters, by parameter
    outputs: Mapping[str, Datum] = field(default_factory=dict)
    #: exception and traceback of a failed invocation
    error: str = ""


def text(value: str) -> Datum:
    """Return a string value."""
    return _datum(value, "string")


def binary(value: bytes) -> Datum:
    """Return a value of bytes."""
    return _datum(value, "bytes")


def json(value: str) -> Datum:
    """Return a value of JSON text."""
    return _datum(value, "json")


def http(
    *,
    method: str,
    url: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    params: Mapping[str, str],
    body: bytes,
) -> Datum:
    """Return an HTTP request value."""
    return _datum(
        {
            "method": text(method),
            "url": text(url),
            "headers": {name: text(value) for name, value in headers.items()},
            "query": {name: text(value) for name, value in query.items()},
            "params": {name: text(value) for name, value in params.items()},
            "body": binary(body),
        },
        "http",
    )


def _datum(value: object, kind: str) -> Datum:
    made: Datum = RuntimeDatum(value, kind)
    return made


async def load(settings: HostSettings) -> tuple[FunctionDefinition, ...]:
    """Import function_app.py and return its functions, sorted by name as in the host. Earlier functions are discarded.

    Raises:
        Rejected: Azure would not load the app. The message is the worker library's, with its traceback.
        Misconfigured: A setting that a binding names is missing.
    """
    root = str(settings.root)
    if not (settings.root / "function_app.py").is_file():
        raise Rejected(f"{root} has no function_app.py; start the host with --root at the app's folder")
    sys.path[:] = [root, *(path for path in sys.path if path != root)]
    _hush()
    registry._functions.clear()  # noqa: SLF001 (the registry has no public method to reset it)
    answer = await runtime.worker_init_request(_init_request(settings.root))
    if answer.result.status != _StatusResult.Success:
        raise Rejected(f"{answer.result.exception.message}\n{answer.result.exception.stack_trace}")
    runtime.start_threadpool_executor()
    functions = (await runtime.functions_metadata_request(None)).function_metadata_results or []
    if not functions:
        raise Rejected(f"{root}/function_app.py has no functions; decorate one or register its blueprint")
    for function in functions:
        if not _FUNCTION_NAME.fullmatch(function.name):
            raise Rejected(f"{function.name!r} is not a valid name of a function; use letters, digits, - and _")
    return tuple(
        define(function.name, function.function_id, function.raw_bindings, settings)
        for function in sorted(functions, key=lambda function: function.name.upper())
    )


async def invoke(
    function: FunctionDefinition, invocation_id: str, value: Datum, metadata: Mapping[str, Datum], trace_parent: str
) -> Outcome:
    """Run the function once. Its exceptions are part of the outcome. Cancelling cancels an async function."""
    ok, returned, outputs, _, trace = await invocation_request_native(
        invocation_id, function.function_id, [(function.parameter, value)], metadata, trace_parent
    )
    return Outcome(succeeded=ok, returned=returned, outputs=dict(outputs), error=trace or "")


def _init_request(root: Path) -> SimpleNamespace:
    init = SimpleNamespace(capabilities={}, function_app_directory=str(root))
    return SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init),
        properties={"host": "127.0.0.1", "protos": _Protos},
    )


def _hush() -> None:
    """Suppress log lines of the library. The host writes its own line and traceback per invocation."""
    logger = logging.getLogger("azure.functions")
    logger.setLevel(logging.WARNING)
    logger.addFilter(_not_the_librarys_traceback)


def _not_the_librarys_traceback(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(("Native invocation failed", "Error: %s, %s", "Error when indexing"))


class _Message:
    """Stand-in for any protobuf message: stores its constructor arguments."""

    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)


class _BindingInfo(_Message):
    undefined = 0
    out = 1
    inout = 2


class _StatusResult(_Message):
    Failure = 0
    Success = 1


class _Protos:
    """The names of the protobuf module that indexing reads."""

    BindingInfo = _BindingInfo
    StatusResult = _StatusResult
    RpcException = _Message
    RpcFunctionMetadata = _Message
    RpcRetryOptions = _Message
    WorkerMetadata = _Message
    WorkerInitResponse = _Message
    FunctionMetadataResponse = _Message


__all__: Sequence[str] = ("Datum", "Outcome", "binary", "http", "invoke", "json", "load", "text")
