"""The cost of a month as docs/performance/cost.md shows it, and sums that other pages state."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from infra.capacity.cost.month import Bill, bill_of
from infra.capacity.cost.options import options
from infra.capacity.figures import RUNS, Assumptions, Counts, Measured, Prices
from infra.capacity.generated_section import replace_section
from infra.local.stack.child import ROOT

#: Sums in sentences are rounded to this step, in USD.
_STEP_USD: Final = 5
PAGE: Final = ROOT / "docs" / "performance" / "cost.md"
README: Final = ROOT / "README.md"
DEPLOY: Final = ROOT / "docs" / "how-to" / "deploy.md"


def write_pages(measured: Measured, assumed: Assumptions, prices: Prices) -> str:
    """Write the tables into docs/performance/cost.md, and sums into sentences of other pages. Return the tables."""
    text = tables(measured, assumed, prices)
    replace_section(PAGE, text)
    for page, found in sentences(measured, assumed, prices):
        says(page, found, write=True)
    return text


def tables(measured: Measured, assumed: Assumptions, prices: Prices) -> str:
    """Return the tables of docs/performance/cost.md."""
    modes = {
        "full mode": (measured, bill_of(measured, assumed, prices)),
        "groups mode": (measured.in_groups_mode(), bill_of(measured.in_groups_mode(), assumed, prices)),
    }
    bills = {mode: bill for mode, (_, bill) in modes.items()}
    parts = (
        _bills(bills, assumed),
        _telemetry(bills),
        _options(assumed, prices),
        _per_tenant(bills, assumed),
        *(_runs(counts.customer, mode) for mode, (counts, _) in modes.items()),
    )
    return "\n".join((*parts, _sources(prices)))


def sentences(measured: Measured, assumed: Assumptions, prices: Prices) -> list[tuple[Path, str]]:
    """Return the sentences with sums, and the pages that contain them."""
    tenants = f"{assumed.month.tenants:,} customers of {assumed.customer.people:,} people each"
    sum_usd = _STEP_USD * round(bill_of(measured, assumed, prices).usd / _STEP_USD)
    customers = f"{tenants} cost about ${sum_usd:,} a month at list prices"
    idle, *_ = options(assumed, prices)
    return [(README, customers), (DEPLOY, customers), (DEPLOY, f"without customers about ${idle.usd:,.2f} a month")]


def says(page: Path, text: str, *, write: bool) -> bool:
    """Return whether the page contains the sentence. With `write`, replace its numbers.

    Raises:
        ValueError: The page does not contain the sentence, whatever the numbers.
    """
    content = page.read_text(encoding="utf-8")
    # The sentence may be broken over two lines.
    words = [re.sub(r"\d[\d,]*", r"\\d[\\d,]*", re.escape(word)) for word in text.split()]
    match = re.search(r"\s+".join(words), content)
    if match is None:
        raise ValueError(f"{page.name} does not contain: {text}")
    found = match[0].split()
    if write and found != text.split():
        gaps = [*re.findall(r"\s+", match[0]), ""]
        new = "".join(word + gap for word, gap in zip(text.split(), gaps, strict=True))
        page.write_text(content.replace(match[0], new), encoding="utf-8")
    return found == text.split()


def _bills(bills: Mapping[str, Bill], assumed: Assumptions) -> str:
    columns = [f"{mode} | USD" for mode in bills]
    sums = {
        "**together**": [f"**{bill.usd:,.2f}**" for bill in bills.values()],
        "if no two executions shared an instance": [f"{bill.most_usd:,.2f}" for bill in bills.values()],
        "the first syncs of all of them, once": [f"{bill.first_usd:,.2f}" for bill in bills.values()],
    }
    lines = [
        f"### {assumed.month.tenants:,} customers, a month",
        "",
        f"| | unit | {' | '.join(columns)} |",
        f"| --- | --- |{' ---: |' * 2 * len(bills)}",
    ]
    for same in zip(*(bill.lines for bill in bills.values()), strict=True):
        cells = " | ".join(f"{line.quantity:,.0f} | {line.usd:,.2f}" for line in same)
        lines.append(f"| {same[0].price.title} | {same[0].price.unit} | {cells} |")
    lines += [f"| {name} | | | {' | | '.join(values)} |" for name, values in sums.items()]
    return "\n".join(lines) + "\n"


def _telemetry(bills: Mapping[str, Bill]) -> str:
    lines = ["### Telemetry of these customers, a month, in GB", "", f"| | {' | '.join(bills)} |"]
    lines.append(f"| --- |{' ---: |' * len(bills)}")
    for name in ("logs", "metrics", "traces"):
        cells = (f"{getattr(bill.telemetry, name):,.1f}" for bill in bills.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _options(assumed: Assumptions, prices: Prices) -> str:
    lines = ["### Fixed costs, a month", "", "| | consists of | USD |", "| --- | --- | ---: |"]
    lines += [f"| {option.name} | {option.parts} | {option.usd:,.2f} |" for option in options(assumed, prices)]
    return "\n".join(lines) + "\n"


def _per_tenant(bills: Mapping[str, Bill], assumed: Assumptions) -> str:
    rows: dict[str, Callable[[Bill], float]] = {
        "requests to Table Storage": lambda bill: bill.per_tenant.table_requests,
        "queue operations": lambda bill: bill.per_tenant.messages_sent * assumed.queues.operations_per_message,
        "executions": lambda bill: bill.per_tenant.executions,
        "GB-s": lambda bill: bill.per_tenant_gb_s,
        "requests to Graph": lambda bill: bill.per_tenant.directory_requests,
        "Key Vault reads": lambda bill: bill.per_tenant.vault_reads,
    }
    lines = ["### One of these customers, a month", "", f"| | {' | '.join(bills)} |"]
    lines.append(f"| --- |{' ---: |' * len(bills)}")
    for name, value in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{value(bill):,.0f}' for bill in bills.values())} |")
    return "\n".join(lines) + "\n"


def _runs(counts: Counts, mode: str) -> str:
    lines = [
        f"### One run in {mode}, measured: {counts.people:,} people, {counts.locations} locations",
        "",
        "| run | executions | table requests | rows written | rows read | messages | Graph requests | units | CPU s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in RUNS:
        work = counts.total(run)
        columns = (
            work.executions,
            work.table_requests,
            work.rows_written,
            work.rows_read,
            work.messages_sent,
            work.directory_requests,
            counts.graph_units[run],
        )
        lines.append(f"| {run} | {' | '.join(f'{column:,.0f}' for column in columns)} | {work.cpu_s:.2f} |")
    return "\n".join(lines) + "\n"


def _sources(prices: Prices) -> str:
    lines = ["### List prices", "", "| | USD | per | free a month | plan and region | seen | shown at |"]
    lines.append("| --- | ---: | ---: | ---: | --- | --- | --- |")
    lines += [
        f"| {price.title} | {price.price:f} | {price.per:,.0f} {price.unit} | {price.free:,.0f} "
        f"| {price.plan}, {price.region} | {price.date} | [source]({price.source}), [official]({price.official}) |"
        for price in prices.all()
    ]
    return "\n".join(lines) + "\n"
