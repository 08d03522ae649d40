"""The cost of a month as docs/performance/cost.md and README.md show it."""

import re
from typing import Final

from infra.capacity.cost.month import Bill, bill_of
from infra.capacity.cost.options import options
from infra.capacity.figures import RUNS, Assumptions, Counts, Measured, Prices
from infra.capacity.generated_section import replace_section
from infra.local.stack.child import ROOT

#: The README's sum is rounded to this step, in USD.
_STEP_USD: Final = 5
PAGE: Final = ROOT / "docs" / "performance" / "cost.md"
README: Final = ROOT / "README.md"
_SENTENCE: Final = re.compile(r"[\d,]+ customers of [\d,]+ people each cost about \$[\d,]+ a month at list prices")


def write_pages(measured: Measured, assumed: Assumptions, prices: Prices) -> str:
    """Write the tables into docs/performance/cost.md and the sum into README.md. Return the tables."""
    text = tables(measured, assumed, prices)
    replace_section(PAGE, text)
    readme_says(sentence(bill_of(measured, assumed, prices), assumed), write=True)
    return text


def tables(measured: Measured, assumed: Assumptions, prices: Prices) -> str:
    """Return the tables of docs/performance/cost.md."""
    bill = bill_of(measured, assumed, prices)
    parts = (_bill(bill, assumed), _options(assumed, prices), _per_tenant(bill, assumed), _runs(measured.customer))
    return "\n".join((*parts, _sources(prices)))


def sentence(bill: Bill, assumed: Assumptions) -> str:
    """Return the README's sentence about the cost."""
    tenants = f"{assumed.month.tenants:,} customers of {assumed.customer.people:,} people each"
    return f"{tenants} cost about ${_STEP_USD * round(bill.usd / _STEP_USD):,} a month at list prices"


def readme_says(text: str, *, write: bool) -> bool:
    """Return whether the README contains the sentence. With `write`, replace the previous one by it."""
    content = README.read_text(encoding="utf-8")
    # the sentence may be broken over two lines
    flat = re.compile(_SENTENCE.pattern.replace(" ", r"\s+"))
    match = flat.search(content)
    if match is None:
        raise ValueError("README.md has no sentence about the cost")
    same = " ".join(match[0].split()) == text
    if write and not same:
        README.write_text(content.replace(match[0], text), encoding="utf-8")
    return same


def _bill(bill: Bill, assumed: Assumptions) -> str:
    lines = [
        f"### {assumed.month.tenants:,} customers, a month",
        "",
        "| | quantity | unit | USD |",
        "| --- | ---: | --- | ---: |",
        *(
            f"| {line.price.title} | {line.quantity:,.0f} | {line.price.unit} | {line.usd:,.2f} |"
            for line in bill.lines
        ),
        f"| **together** | | | **{bill.usd:,.2f}** |",
        f"| if no two executions shared an instance | | | {bill.most_usd:,.2f} |",
        f"| the first syncs of all of them, once | | | {bill.first_usd:,.2f} |",
    ]
    return "\n".join(lines) + "\n"


def _options(assumed: Assumptions, prices: Prices) -> str:
    lines = ["### Fixed costs, a month", "", "| | consists of | USD |", "| --- | --- | ---: |"]
    lines += [f"| {option.name} | {option.parts} | {option.usd:,.2f} |" for option in options(assumed, prices)]
    return "\n".join(lines) + "\n"


def _per_tenant(bill: Bill, assumed: Assumptions) -> str:
    rows = {
        "requests to Table Storage": bill.per_tenant.table_requests,
        "queue operations": bill.per_tenant.messages_sent * assumed.queues.operations_per_message,
        "executions": bill.per_tenant.executions,
        "GB-s": bill.per_tenant_gb_s,
        "requests to Graph": bill.per_tenant.directory_requests,
        "Key Vault reads": bill.per_tenant.vault_reads,
    }
    lines = ["### One of these customers, a month", "", "| | |", "| --- | ---: |"]
    return "\n".join([*lines, *(f"| {name} | {value:,.0f} |" for name, value in rows.items())]) + "\n"


def _runs(counts: Counts) -> str:
    lines = [
        f"### One run, measured: {counts.people:,} people, {counts.locations} locations",
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
