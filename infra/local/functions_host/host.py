"""The host: runs the functions of an app with a listener per function, from `start` to `stop`."""

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from infra.local.functions_host import worker
from infra.local.functions_host.admin import Admin
from infra.local.functions_host.connections import Connections
from infra.local.functions_host.definitions import FunctionDefinition, HttpTrigger, QueueTrigger, TimerTrigger
from infra.local.functions_host.http_server import HttpServer
from infra.local.functions_host.invocation import Invoker
from infra.local.functions_host.leases import CONTAINER, Lease, StatusBlob
from infra.local.functions_host.outputs import QueueOutputs
from infra.local.functions_host.polling import LOCK_S, POLL_S, QueueListener, Times
from infra.local.functions_host.queue_metadata import metadata_by_hand, metadata_of
from infra.local.functions_host.queues import Delivery, poison_name
from infra.local.functions_host.routes import Router
from infra.local.functions_host.schedules import Schedule, Status
from infra.local.functions_host.settings import HostSettings
from infra.local.functions_host.timers import TimerListener
from infra.local.functions_host.workers import SharedProcess, Workers

log = logging.getLogger("functions_host")

_BY_HAND = "This function was programmatically called via the host APIs."


class _Stoppable(Protocol):
    async def stop(self) -> None:
        """Accept no new work, and wait for running work."""

    async def abandon(self) -> None:
        """Cancel running work."""


class Host:
    """Runs the functions of one app.

    As in Azure, trouble with its storage ends the host: `failed` is set, and then `stop` has to be called. `waits` is a
    factor for the host's own waits: between tries of a request, and for the leases of timers. A host that does not
    listen serves HTTP only, as those of the scale group of HTTP functions do.
    """

    def __init__(
        self,
        settings: HostSettings,
        *,
        key: str,
        workers: Workers | None = None,
        redeliver: bool = False,
        lock_s: int = LOCK_S,
        waits: float = 1.0,
        listens: bool = True,
    ) -> None:
        #: set when the host cannot go on
        self.failed = asyncio.Event()
        self._settings = settings
        self._workers = workers or SharedProcess()
        self._key = key
        self._redeliver = redeliver
        self._lock_s = lock_s
        self._waits = waits
        self._listens = listens
        self._connections = Connections(settings.environ, waits)
        outputs = QueueOutputs(self._connections, is_base64=settings.queues.base64)
        self._invoker = Invoker(self._workers, outputs, timeout_s=settings.function_timeout_s)
        self._queues: dict[str, list[QueueListener]] = {}
        self._timers: list[TimerListener] = []
        self._admin: Admin | None = None
        self._server: HttpServer | None = None

    async def start(self, address: str, port: int, *, drain_s: float = 30.0) -> int:
        """Load the app, start all listeners, and return the port. If this fails, started listeners are stopped again.

        Raises:
            HostError: The app or its settings are not usable. The message contains the reason.
        """
        try:
            functions = await worker.load(self._settings)
            self._prepare(functions)
            self._admin = Admin(functions, self._run_by_hand, self._settings.host_id)
            router = Router(functions, self._settings.route_prefix)
            self._server = HttpServer(router, self._invoker, self._admin, self._key)
            bound = await self._server.start(address, port, drain_s)
        except BaseException:
            await self._connections.close()
            raise
        if self._listens:
            for queue in self._listeners():
                queue.start()
            for timer in self._timers:
                timer.start()
        _log_functions(functions, router)
        return bound

    async def stop(self, *, drain_s: float = 30.0) -> int:
        """Stop the listeners and wait up to `drain_s` seconds. Return the number of invocations that did not end."""
        parts: list[_Stoppable] = [*self._listeners(), *self._timers, *([self._admin] if self._admin else [])]
        stopping = [part.stop() for part in parts] + ([self._server.stop()] if self._server else [])
        _, late = await asyncio.wait([asyncio.ensure_future(one) for one in stopping], timeout=drain_s)
        abandoned = self._invoker.running if late else 0
        for part in parts if late else ():
            await part.abandon()
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self._workers.close()
        await self._connections.close()
        return abandoned

    def _prepare(self, functions: Sequence[FunctionDefinition]) -> None:
        for function in functions:
            for output in function.outputs:
                self._connections.queues(output.connection)
            if isinstance(function.trigger, QueueTrigger):
                self._queues.setdefault(function.trigger.queue, []).append(self._queue(function, function.trigger))
            elif isinstance(function.trigger, TimerTrigger):
                self._timers.append(self._timer(function, function.trigger))

    def _queue(self, function: FunctionDefinition, trigger: QueueTrigger) -> QueueListener:
        account = self._connections.queues(trigger.connection)
        poison = poison_name(trigger.queue)

        async def handle(delivery: Delivery, body: bytes) -> bool:
            try:
                text = body.decode()
            except UnicodeDecodeError as error:
                if not trigger.binary:
                    log.error("Message %s of queue %s is not text: %s", delivery.id, trigger.queue, error)  # noqa: TRY400
                    return False
                text = None
            value = worker.binary(body) if trigger.binary or text is None else worker.text(text)
            reason = f"New queue message detected on '{trigger.queue}'."
            return (await self._invoker.run(function, value, metadata_of(delivery, text), reason=reason)).succeeded

        return QueueListener(
            account.get_queue_client(trigger.queue),
            account.get_queue_client(poison) if poison else None,
            self._settings.queues,
            handle,
            self._fail,
            notify=self._notify,
            redeliver=self._redeliver,
            times=Times(lock_s=self._lock_s, poll_s=POLL_S * self._waits),
        )

    def _timer(self, function: FunctionDefinition, trigger: TimerTrigger) -> TimerListener:
        schedule = Schedule.parse(trigger.schedule)
        container = self._connections.host_blobs().get_container_client(CONTAINER)
        monitored = trigger.use_monitor and not schedule.is_too_frequent_for_status(datetime.now(UTC))

        async def handle(status: Status | None, is_past_due: bool) -> object:  # noqa: FBT001 (a listener's handler)
            reason = f"Timer fired at {datetime.now(UTC).isoformat()}"
            return await self._invoker.run(function, _timer_value(status, is_past_due=is_past_due), reason=reason)

        return TimerListener(
            function.name,
            schedule,
            handle,
            Lease(container, f"locks/{self._settings.host_id}/Host.Functions.{function.name}.Listener", self._waits),
            StatusBlob(container, self._status_name(function)) if monitored else None,
            self._fail,
            run_on_startup=trigger.run_on_startup,
        )

    async def _run_by_hand(self, function: FunctionDefinition, given: str) -> object:
        match function.trigger:
            case QueueTrigger(binary=is_binary):
                value = worker.binary(given.encode()) if is_binary else worker.text(given)
                metadata = metadata_by_hand(given, datetime.now(UTC))
                return await self._invoker.run(function, value, metadata, reason=_BY_HAND)
            case TimerTrigger(use_monitor=monitored):
                container = self._connections.host_blobs().get_container_client(CONTAINER)
                status = await StatusBlob(container, self._status_name(function)).read() if monitored else None
                return await self._invoker.run(function, _timer_value(status, is_past_due=False), reason=_BY_HAND)
            case HttpTrigger():
                log.error("Function %s requires a request; call its route", function.name)
        return None

    def _status_name(self, function: FunctionDefinition) -> str:
        return f"timers/{self._settings.host_id}/Host.Functions.{function.name}/status"

    def _listeners(self) -> list[QueueListener]:
        return [listener for listeners in self._queues.values() for listener in listeners]

    def _fail(self, reason: str) -> None:
        log.critical("The host ends: %s", reason)
        self.failed.set()

    def _notify(self, queue: str) -> None:
        for listener in self._queues.get(queue, ()):
            listener.wake()


def _timer_value(status: Status | None, *, is_past_due: bool) -> worker.Datum:
    stored = json.loads(status.to_json()) if status is not None else None
    return worker.json(
        json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": stored, "IsPastDue": is_past_due})
    )


def _log_functions(functions: Sequence[FunctionDefinition], router: Router) -> None:
    routes = {route.function.name: route for route in router.routes}
    for function in functions:
        match function.trigger:
            case HttpTrigger(methods=methods):
                shown = f"{','.join(sorted(methods)) or 'any method'} /{routes[function.name].template}"
            case QueueTrigger(queue=queue):
                shown = f"queue {queue}"
            case TimerTrigger(schedule=schedule):
                shown = f"timer {schedule}"
        log.info("Functions.%s: %s", function.name, shown)
