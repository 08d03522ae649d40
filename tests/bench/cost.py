"""What customers cost a month at list prices.

`python -m tests.bench.cost` runs the product for a customer, stores what it counted in
infra/capacity/cost/counts.json, and puts the bill into docs/performance/cost.md and README.md; with `--price` it
counts nothing and prices what is stored.
"""

import argparse
import asyncio
import os
import re
from typing import Final

import msgspec

from infra.capacity.cost.month import Month, month
from infra.capacity.figures import (
    COUNTS,
    RUNS,
    Assumptions,
    Counts,
    Measured,
    Prices,
    assumptions,
    between_marks,
    measured,
    prices,
)
from infra.local.stack.child import ROOT
from tests.bench.entra import certificates
from tests.bench.measuring import counted, measured_anew
from tests.bench.results import Result

#: What all customers together may cost a month, in the currency of the prices: a quarter for each.
GOAL_USD: Final = 250.0
#: To what the README rounds.
_STEP_USD: Final = 5
PAGE: Final = ROOT / "docs" / "performance" / "cost.md"
README: Final = ROOT / "README.md"
_SENTENCE: Final = re.compile(r"[\d,]+ customers of [\d,]+ people each cost about \$[\d,]+ a month at list prices")


async def measure() -> Result:
    """Count anew for the customer who is priced, and price; nothing is stored."""
    assumed = assumptions()
    found = await counted(assumed.customer, assumed.month.changed_share_per_day)
    bill = month(msgspec.structs.replace(measured(), customer=found), assumed, prices())
    return Result(
        key="cost",
        value=bill.usd,
        goal=GOAL_USD,
        measured={
            **{f"{line.name}_usd": round(line.usd, 2) for line in bill.lines},
            "most_usd": round(bill.most_usd, 2),
            "counts": msgspec.to_builtins(found),
        },
    )


def shown(found: Measured, assumed: Assumptions, listed: Prices) -> str:
    """Return the tables of docs/performance/cost.md."""
    bill = month(found, assumed, listed)
    tables = (_bill(bill, assumed), _each(bill, assumed), _runs(found.customer), _sources(listed))
    return "\n".join(tables)


def sentence(bill: Month, assumed: Assumptions) -> str:
    """Return what the README says."""
    who = f"{assumed.month.tenants:,} customers of {assumed.customer.people:,} people each"
    return f"{who} cost about ${_STEP_USD * round(bill.usd / _STEP_USD):,} a month at list prices"


def readme_says(text: str, *, write: bool) -> bool:
    """Return whether the README has the sentence; with `write` it does so afterwards."""
    content = README.read_text(encoding="utf-8")
    # it may be broken over two lines
    flat = re.compile(_SENTENCE.pattern.replace(" ", r"\s+"))
    found = flat.search(content)
    if found is None:
        raise ValueError("README.md has no sentence about the cost")
    same = " ".join(found[0].split()) == text
    if write and not same:
        README.write_text(content.replace(found[0], text), encoding="utf-8")
    return same


def _bill(bill: Month, assumed: Assumptions) -> str:
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


def _each(bill: Month, assumed: Assumptions) -> str:
    rows = {
        "requests to Table Storage": bill.each.table_requests,
        "queue operations": bill.each.messages_sent * assumed.queues.operations_per_message,
        "executions": bill.each.executions,
        "GB-s": bill.each_gb_s,
        "requests to Graph": bill.each.graph_requests,
        "Key Vault reads": bill.each.vault_reads,
    }
    lines = ["### One of these customers, a month", "", "| | |", "| --- | ---: |"]
    return "\n".join([*lines, *(f"| {name} | {value:,.0f} |" for name, value in rows.items())]) + "\n"


def _runs(found: Counts) -> str:
    lines = [
        f"### One run, measured: {found.people:,} people, {found.locations} locations",
        "",
        "| run | executions | table requests | rows written | rows read | messages | Graph requests | units | CPU s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in RUNS:
        work = found.total(run)
        columns = (
            work.executions,
            work.table_requests,
            work.rows_written,
            work.rows_read,
            work.messages_sent,
            work.graph_requests,
            found.graph_units[run],
        )
        lines.append(f"| {run} | {' | '.join(f'{each:,.0f}' for each in columns)} | {work.cpu_s:.2f} |")
    return "\n".join(lines) + "\n"


def _sources(listed: Prices) -> str:
    lines = ["### List prices", "", "| | USD | per | free a month | plan and region | seen | shown at |"]
    lines.append("| --- | ---: | ---: | ---: | --- | --- | --- |")
    lines += [
        f"| {each.title} | {each.price:f} | {each.per:,.0f} {each.unit} | {each.free:,.0f} "
        f"| {each.plan}, {each.region} | {each.date} | [source]({each.source}), [official]({each.official}) |"
        for each in listed.each()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Count unless told otherwise, price, print, and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cost", description=__doc__)
    parser.add_argument("--price", action="store_true", help="count nothing: price what is stored")
    assumed = assumptions()
    if not parser.parse_args().price:
        os.environ["SSL_CERT_FILE"] = str(certificates().bundle)
        found = asyncio.run(measured_anew(assumed))
        COUNTS.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    text = shown(measured(), assumed, prices())
    print(text)
    between_marks(PAGE, text, write=True)
    readme_says(sentence(month(measured(), assumed, prices()), assumed), write=True)


if __name__ == "__main__":
    main()
