"""Inputs of cost and scale: measured counts, assumptions, and list prices, each read from its file."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final, Self

import msgspec

from infra.capacity.work import Work
from infra.local.stack.child import ROOT

COUNTS: Final = ROOT / "infra" / "capacity" / "cost" / "counts.json"
ASSUMPTIONS: Final = ROOT / "infra" / "capacity" / "cost" / "assumptions.toml"
PRICES: Final = ROOT / "infra" / "capacity" / "cost" / "prices.toml"
#: Largest location whose recipients are compared in memory; see `shared/workflows/sync/comparison.py`.
MAX_COMPARED_IN_MEMORY: Final = 20_000
#: Kinds of scheduled runs, in the order in which they are measured.
RUNS: Final = ("first", "unchanged", "changed", "full")


class Counts(msgspec.Struct, kw_only=True):
    """Measured work of one tenant's runs, by kind of run and function."""

    people: int
    locations: int
    #: Number of sources that a run reads: all users, or the mapped groups.
    sources: int = 1
    #: Number of recipients at each location.
    people_at_location: int
    #: Number of people changed before the run `changed`.
    changed_people: int
    runs: dict[str, dict[str, Work]]
    #: Work of the API's request that starts a run.
    click: Work
    watchdog: Work
    #: Graph resource units, by kind of run.
    graph_units: dict[str, int]
    #: Bytes in Table Storage after the first run.
    stored_bytes: int
    #: Bytes that a run adds permanently, by kind.
    added_bytes: dict[str, int]
    #: Peak memory of one invocation in bytes, by function, over a full run and a run with changes.
    peak_bytes: dict[str, int]

    def total(self, run: str) -> Work:
        """Return the total work of all functions in a run."""
        return sum(self.runs[run].values(), Work())


class Measured(msgspec.Struct, kw_only=True):
    """Content of counts.json, which `python -m tests.bench.cost` writes."""

    customer: Counts
    groups_customer: Counts
    large_customer: Counts
    python: str

    def counts_for(self, people: int) -> Counts:
        """Return the counts of the measured tenant whose comparison works as that of a tenant of this size."""
        return self.customer if people <= MAX_COMPARED_IN_MEMORY else self.large_customer

    def in_groups_mode(self) -> Self:
        """Return the counts with the tenant in groups mode in place of the one in full mode."""
        return msgspec.structs.replace(self, customer=self.groups_customer)


class Customer(msgspec.Struct, forbid_unknown_fields=True):
    """A tenant whose runs are measured."""

    people: int
    locations: int
    #: In groups mode, the number of mapped groups, one a location; 0 in full mode. Each person is in one of them.
    groups: int = 0

    @property
    def people_at_location(self) -> int:
        """Number of recipients at each location."""
        return self.people // self.groups if self.groups else self.people


class MonthlyLoad(msgspec.Struct, forbid_unknown_fields=True):
    """How often runs, timers and changes happen; assumptions.toml gives the reasons."""

    tenants: int
    days: float
    runs_per_day: int
    full_runs_per_day: int
    watchdogs_per_day: int
    changed_share_per_day: float
    runs_with_changes_per_day: int
    months_kept: int

    def runs(self) -> dict[str, float]:
        """Return the number of runs of each kind that one tenant has in a month, without its first run."""
        changed, full = self.runs_with_changes_per_day, self.full_runs_per_day
        unchanged = self.runs_per_day - changed - full
        return {"unchanged": self.days * unchanged, "changed": self.days * changed, "full": self.days * full}


class Queues(msgspec.Struct, forbid_unknown_fields=True):
    """How the Functions host uses queues."""

    operations_per_message: int
    polling_interval_s: float


class Logs(msgspec.Struct, forbid_unknown_fields=True):
    """Log volume in addition to the product's own lines."""

    host_lines_per_execution: int
    bytes_per_line: int


class Telemetry(msgspec.Struct, forbid_unknown_fields=True):
    """Volume of traces and metrics."""

    bytes_per_span: int
    spans_per_execution: int
    bytes_per_metric: int
    metrics_per_minute: int
    gauges_per_watchdog: int


class Delays(msgspec.Struct, forbid_unknown_fields=True):
    """Response times of Azure services without load, in seconds."""

    table_request_s: float
    graph_request_s: float
    queue_pickup_s: float
    instance_start_s: float


class Scaling(msgspec.Struct, forbid_unknown_fields=True):
    """How the platform adds instances."""

    messages_per_instance: int
    instances_per_decision: int
    decision_every_s: float


class Assumptions(msgspec.Struct, forbid_unknown_fields=True):
    """Every input that is not measured."""

    customer: Customer
    groups_customer: Customer
    large_customer: Customer
    month: MonthlyLoad
    queues: Queues
    logs: Logs
    telemetry: Telemetry
    delays: Delays
    scaling: Scaling


class Price(msgspec.Struct, forbid_unknown_fields=True):
    """A list price: `price` for `per` units, after `free` units a month."""

    title: str
    plan: str
    price: float
    per: float
    free: float
    unit: str
    region: str
    date: date
    source: str
    official: str

    def of(self, quantity: float) -> float:
        """Return the cost of a month's quantity."""
        return max(0.0, quantity - self.free) / self.per * self.price


class Prices(msgspec.Struct, forbid_unknown_fields=True):
    """All list prices, in one currency."""

    currency: str
    functions_gb_s: Price
    functions_executions: Price
    table_requests: Price
    table_gb: Price
    queue_operations: Price
    vault_operations: Price
    log_gb: Price
    alert_rules: Price
    nat_hours: Price
    address_hours: Price
    endpoint_hours: Price
    dns_zones: Price
    always_ready_gb_s: Price
    availability_tests: Price

    def all(self) -> list[Price]:
        """Return the prices in the order of the fields."""
        values = (getattr(self, name) for name in self.__struct_fields__)
        return [value for value in values if isinstance(value, Price)]


def measured() -> Measured:
    """Return the stored counts."""
    return msgspec.json.decode(COUNTS.read_bytes(), type=Measured)


def assumptions() -> Assumptions:
    """Return the assumptions."""
    return msgspec.convert(_toml(ASSUMPTIONS), Assumptions)


def prices() -> Prices:
    """Return the list prices."""
    return msgspec.convert(_toml(PRICES), Prices)


def _toml(path: Path) -> Mapping[str, object]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
