"""The files that cost and scale are worked out from: what was measured, what is assumed, and what things cost."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from infra.capacity.work import Work
from infra.local.stack.child import ROOT

COUNTS: Final = ROOT / "infra" / "capacity" / "cost" / "counts.json"
ASSUMPTIONS: Final = ROOT / "infra" / "capacity" / "cost" / "assumptions.toml"
PRICES: Final = ROOT / "infra" / "capacity" / "cost" / "prices.toml"
#: Up to so many people are held while they are compared; see `shared/workflows/sync/comparison.py`.
HELD: Final = 20_000
#: What a run of the schedule can be, in the order in which they are measured.
RUNS: Final = ("first", "unchanged", "changed", "full")


class Counts(msgspec.Struct, kw_only=True):
    """What one customer's runs do, by kind of run and function."""

    people: int
    locations: int
    #: How many people were changed before the run `changed`.
    changed_people: int
    runs: dict[str, dict[str, Work]]
    watchdog: Work
    #: Resource units of Graph, by kind of run.
    graph_units: dict[str, int]
    #: Bytes in Table Storage after the first run, and bytes that a run adds for good, by kind.
    stored_bytes: int
    added_bytes: dict[str, int]
    #: The most bytes that one invocation held at once, by function, in a run that compared everything or had changes.
    peak_bytes: dict[str, int]

    def total(self, run: str) -> Work:
        """Return what all functions of a run do together."""
        return sum(self.runs[run].values(), Work())


class Measured(msgspec.Struct, kw_only=True):
    """What is in the file of counts; written by `python -m tests.bench.cost`."""

    customer: Counts
    large_customer: Counts
    python: str

    def like(self, people: int) -> Counts:
        """Return the counts of the customer who is more like one of so many people."""
        return self.customer if people <= HELD else self.large_customer


class Customer(msgspec.Struct, forbid_unknown_fields=True):
    """The tenant whose runs are measured."""

    people: int
    locations: int


class Month(msgspec.Struct, forbid_unknown_fields=True):
    """How often things happen; see the file for each."""

    tenants: int
    days: float
    runs_per_day: int
    full_runs_per_day: int
    watchdogs_per_day: int
    changed_share_per_day: float
    runs_with_changes_per_day: int
    months_kept: int

    def runs(self) -> dict[str, float]:
        """Return how many runs of each kind one tenant has in a month, its first one left out."""
        changed, full = self.runs_with_changes_per_day, self.full_runs_per_day
        unchanged = self.runs_per_day - changed - full
        return {"unchanged": self.days * unchanged, "changed": self.days * changed, "full": self.days * full}


class Queues(msgspec.Struct, forbid_unknown_fields=True):
    """What the host does with queues."""

    operations_per_message: int
    idle_functions: int
    polling_interval_s: float


class Logs(msgspec.Struct, forbid_unknown_fields=True):
    """What is logged besides the product's own lines."""

    host_lines_per_execution: int
    bytes_per_line: int


class Delays(msgspec.Struct, forbid_unknown_fields=True):
    """How long others take to answer, in seconds, when nothing is in the way."""

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
    """Everything that is not measured."""

    customer: Customer
    large_customer: Customer
    month: Month
    queues: Queues
    logs: Logs
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
        """Return what a month's quantity costs."""
        return max(0.0, quantity - self.free) / self.per * self.price


class Prices(msgspec.Struct, forbid_unknown_fields=True):
    """All of them, in one currency."""

    currency: str
    functions_gb_s: Price
    functions_executions: Price
    table_requests: Price
    table_gb: Price
    queue_operations: Price
    vault_operations: Price
    log_gb: Price

    def each(self) -> list[Price]:
        """Return all prices."""
        found = (getattr(self, name) for name in self.__struct_fields__)
        return [price for price in found if isinstance(price, Price)]


def measured() -> Measured:
    """Return what was measured last."""
    return msgspec.json.decode(COUNTS.read_bytes(), type=Measured)


def assumptions() -> Assumptions:
    """Return what is assumed."""
    return msgspec.convert(_toml(ASSUMPTIONS), Assumptions)


def prices() -> Prices:
    """Return the list prices."""
    return msgspec.convert(_toml(PRICES), Prices)


def _toml(path: Path) -> Mapping[str, object]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def between_marks(page: Path, text: str, *, write: bool) -> bool:
    """Return whether a page shows the text between its two marks; with `write` it does so afterwards."""
    begin, end = "<!-- worked out -->\n", "<!-- end of what is worked out -->"
    content = page.read_text(encoding="utf-8")
    before, _, rest = content.partition(begin)
    shown, _, after = rest.partition(end)
    if write and shown != text:
        page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")
    return shown == text
