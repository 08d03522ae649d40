"""One invocation of a function: its two log lines, its time limit, its outputs."""

import asyncio
import logging
import secrets
import time
import traceback
import uuid
from collections.abc import Mapping
from typing import Protocol

from infra.local.functions_host.definitions import RETURN, FunctionDefinition, QueueOutput
from infra.local.functions_host.worker import Datum, Outcome
from infra.local.functions_host.workers import Workers

log = logging.getLogger("functions_host")


class Outputs(Protocol):
    """Sends a function's outputs."""

    async def send(self, output: QueueOutput, value: Datum) -> None:
        """Send the values that the function set."""


class Invoker:
    """Runs functions. It does not raise errors, except for a cancellation."""

    def __init__(self, workers: Workers, outputs: Outputs, *, timeout_s: float | None) -> None:
        self._workers = workers
        self._outputs = outputs
        self._timeout_s = timeout_s
        #: number of running invocations
        self.running = 0

    async def run(
        self,
        function: FunctionDefinition,
        value: Datum,
        metadata: Mapping[str, Datum] | None = None,
        *,
        reason: str,
        trace_parent: str = "",
    ) -> Outcome:
        """Invoke the function and send its outputs.

        A failed output, an exceeded time limit or the end of the worker process fails the invocation.
        """
        invocation_id = str(uuid.uuid4())
        log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation_id)
        begun = time.perf_counter()
        limit = asyncio.timeout(self._timeout_s)
        self.running += 1
        try:
            async with limit:
                outcome = await self._workers.invoke(
                    function, invocation_id, value, metadata or {}, trace_parent or _new_trace()
                )
                if outcome.succeeded:
                    await self._bind_outputs(function, outcome)
        except Exception:  # noqa: BLE001 (a failed output or an ended process fails the invocation)
            expired = f"Timeout value of {self._timeout_s} s was exceeded. " if limit.expired() else ""
            outcome = Outcome(succeeded=False, error=expired + traceback.format_exc())
        finally:
            self.running -= 1
        _log_end(function, invocation_id, outcome, (time.perf_counter() - begun) * 1000)
        return outcome

    async def _bind_outputs(self, function: FunctionDefinition, outcome: Outcome) -> None:
        for output in function.outputs:
            value = outcome.returned if output.name == RETURN else outcome.outputs.get(output.name)
            if value is not None and value.type is not None:
                await self._outputs.send(output, value)


def _new_trace() -> str:
    """Return the `traceparent` of an invocation that continues no trace. All its digits are random, as in Azure."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def _log_end(function: FunctionDefinition, invocation_id: str, outcome: Outcome, duration_ms: float) -> None:
    log.log(
        logging.INFO if outcome.succeeded else logging.ERROR,
        "Executed 'Functions.%s' (%s, Id=%s, Duration=%.0fms)%s%s",
        function.name,
        "Succeeded" if outcome.succeeded else "Failed",
        invocation_id,
        duration_ms,
        "" if outcome.succeeded else "\n",
        outcome.error.rstrip(),
    )
