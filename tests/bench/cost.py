"""Count the product's requests for the tenants of assumptions.toml, and price them.

`python -m tests.bench.cost` runs the product, stores the counts in infra/capacity/cost/counts.json, and writes the bill
into docs/performance/cost.md and README.md. `python -m infra.capacity.cost` prices the stored counts again.
"""

import asyncio
import os
from typing import Final

import msgspec

from infra.capacity.cost.month import bill_of
from infra.capacity.cost.page import write_pages
from infra.capacity.figures import COUNTS, assumptions, measured, prices
from tests.bench.entra import certificates
from tests.bench.measuring import counted, measure_all
from tests.bench.results import Result

#: Upper limit of a month's bill for all tenants, in the currency of the prices: a quarter for each tenant.
GOAL_USD: Final = 250.0


async def measure() -> Result:
    """Count the runs of the priced tenant again, and price them. The stored counts stay unchanged."""
    assumed = assumptions()
    found = await counted(assumed.customer, assumed.month.changed_share_per_day)
    bill = bill_of(msgspec.structs.replace(measured(), customer=found), assumed, prices())
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


def main() -> None:
    """Count, store the counts, and write and print the bill."""
    os.environ["SSL_CERT_FILE"] = str(certificates().bundle)
    found = asyncio.run(measure_all(assumptions()))
    COUNTS.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    print(write_pages(found, assumptions(), prices()))


if __name__ == "__main__":
    main()
