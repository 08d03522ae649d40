"""The bill of a month for all tenants, at list prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.azure.defaults import DEFAULTS
from infra.capacity.cost.options import scale_groups
from infra.capacity.figures import Assumptions, Counts, Measured, Price, Prices
from infra.capacity.scale.bounds import cpu_s, waiting_s
from infra.capacity.scale.limits import BILLED_AT_LEAST_S, INSTANCE_GB
from infra.capacity.scale.load import run_of
from infra.capacity.scale.scenarios import billed_s
from infra.capacity.work import Work
from shared.domain.sync.jobs import QUEUES
from shared.workflows.sync.schedule import AT_ONCE

_GB: Final = 1e9
_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the bill."""

    name: str
    quantity: float
    price: Price
    usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """Telemetry that Application Insights stores in a month, in GB."""

    logs: float
    metrics: float
    traces: float

    @property
    def gb(self) -> float:
        """The total."""
        return self.logs + self.metrics + self.traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The bill of a month, and the quantities behind it."""

    lines: tuple[Line, ...]
    telemetry: Volume
    #: Work of one tenant's runs in a month.
    per_tenant: Work
    per_tenant_gb_s: float
    #: The total if no two executions ever share an instance.
    most_usd: float
    #: One-time cost of the first runs of all tenants.
    first_usd: float

    @property
    def usd(self) -> float:
        """The total."""
        return sum(line.usd for line in self.lines)


def bill_of(measured: Measured, assumed: Assumptions, prices: Prices) -> Bill:
    """Return the monthly bill for all tenants. The first runs are not part of it."""
    counts = measured.customer
    tenants, often = assumed.month.tenants, assumed.month.runs()
    per_tenant = sum((counts.total(run) * times for run, times in often.items()), Work())
    watchdogs = counts.watchdog * (assumed.month.watchdogs_per_day * assumed.month.days)
    schedules = assumed.month.runs_per_day * assumed.month.days
    per_tenant.executions -= schedules  # one execution of the schedule serves all tenants
    executions = per_tenant.executions * tenants + schedules + watchdogs.executions
    timers_s = schedules * tenants / AT_ONCE * assumed.delays.table_request_s + watchdogs.executions * BILLED_AT_LEAST_S
    billed = {run: billed_s(measured, assumed, run) for run in ("first", *often)}
    gb_s = INSTANCE_GB * (timers_s + sum(times * billed[run] for run, times in often.items()))
    alone_gb_s = INSTANCE_GB * (timers_s + tenants * _alone_s(measured, assumed, often))
    telemetry = _telemetry(per_tenant * tenants + watchdogs, executions, assumed)
    quantities = {
        "functions_gb_s": gb_s,
        "functions_executions": executions,
        "table_requests": per_tenant.table_requests * tenants + watchdogs.table_requests,
        "table_gb": tenants * _stored_bytes(counts, assumed) / _GB,
        "queue_operations": per_tenant.messages_sent * tenants * assumed.queues.operations_per_message
        + idle_polls(assumed),
        "vault_operations": per_tenant.vault_reads * tenants,
        "log_gb": telemetry.gb,
    }
    listed: dict[str, Price] = {name: getattr(prices, name) for name in quantities}
    lines = tuple(
        Line(name=name, quantity=quantity, price=listed[name], usd=listed[name].of(quantity))
        for name, quantity in quantities.items()
    )
    return Bill(
        lines=lines,
        telemetry=telemetry,
        per_tenant=per_tenant,
        per_tenant_gb_s=gb_s / tenants,
        most_usd=sum(line.usd for line in lines) - lines[0].usd + prices.functions_gb_s.of(alone_gb_s),
        first_usd=_first_usd(counts, assumed, prices, billed["first"]),
    )


def idle_polls(assumed: Assumptions) -> float:
    """Return how often queues are polled in a month: by triggers, and poison queues by the watchdog."""
    polls_per_day = _DAY_S / assumed.queues.polling_interval_s + assumed.month.watchdogs_per_day
    return len(QUEUES) * assumed.month.days * polls_per_day


def _alone_s(measured: Measured, assumed: Assumptions, often: Mapping[str, float]) -> float:
    """Return the billed seconds of one tenant's runs if every execution has its own instance."""
    total = 0.0
    for run, times in often.items():
        jobs = run_of(measured, run, people=assumed.customer.people, locations=assumed.customer.locations).stages
        total += times * sum(
            max(BILLED_AT_LEAST_S, cpu_s(job) + waiting_s(job, assumed.delays)) for stage in jobs for job in stage
        )
    return total


def _stored_bytes(counts: Counts, assumed: Assumptions) -> float:
    """Return the stored bytes of one tenant at the end of the retention period."""
    often = assumed.month
    runs = often.days * often.runs_per_day * counts.added_bytes["unchanged"]
    change = (counts.added_bytes["changed"] - counts.added_bytes["unchanged"]) / counts.changed_people
    changes = often.days * often.changed_share_per_day * counts.people * change
    return counts.stored_bytes + often.months_kept * (runs + changes)


def _telemetry(total: Work, executions: float, assumed: Assumptions) -> Volume:
    """Return the telemetry of a month's work, with metrics of instances that never rest."""
    volume, month = assumed.telemetry, assumed.month
    requests = total.table_requests + total.messages_sent + total.directory_requests
    spans = (requests + executions * volume.spans_per_execution) * float(DEFAULTS["OTEL_TRACES_SAMPLER_ARG"])
    minutes = month.days * _DAY_S / 60 * scale_groups()
    metrics = minutes * volume.metrics_per_minute + month.days * month.watchdogs_per_day * volume.gauges_per_watchdog
    return Volume(
        logs=_log_bytes(total, executions, assumed) / _GB,
        metrics=metrics * volume.bytes_per_metric / _GB,
        traces=spans * volume.bytes_per_span / _GB,
    )


def _log_bytes(total: Work, executions: float, assumed: Assumptions) -> float:
    lines = total.log_lines + executions * assumed.logs.host_lines_per_execution
    return total.log_bytes + lines * assumed.logs.bytes_per_line


def _first_usd(counts: Counts, assumed: Assumptions, prices: Prices, billed: float) -> float:
    work = counts.total("first") * assumed.month.tenants
    parts = (
        (prices.functions_gb_s, billed * INSTANCE_GB),
        (prices.functions_executions, work.executions),
        (prices.table_requests, work.table_requests),
        (prices.queue_operations, work.messages_sent * assumed.queues.operations_per_message),
        (prices.vault_operations, work.vault_reads),
    )
    return sum(quantity / price.per * price.price for price, quantity in parts)
