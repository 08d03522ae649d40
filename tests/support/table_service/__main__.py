"""Run the service.

python -m tests.support.table_service [--port N] [--partition-rows-s 2000 --account-rows-s 20000] [--sizes]
"""

import argparse
import asyncio

from infra.local.stack.parent import end_with_parent, ending
from tests.support.table_service.rates import Rates
from tests.support.table_service.server import listening
from tests.support.table_service.service import Service


def main() -> None:
    """Run until SIGTERM or SIGINT, or until the process that started it has ended."""
    parser = argparse.ArgumentParser(description="A lean Table service in memory, for benchmarks.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--partition-rows-s", type=float, help="rows a second that one partition takes")
    parser.add_argument("--account-rows-s", type=float, help="rows a second that the account takes")
    parser.add_argument("--sizes", action="store_true", help="enforce the documented sizes")
    options = parser.parse_args()
    end_with_parent()
    rates = None
    if options.partition_rows_s or options.account_rows_s:
        unlimited = float("inf")
        rates = Rates(
            partition_rows_s=options.partition_rows_s or unlimited, account_rows_s=options.account_rows_s or unlimited
        )
    asyncio.run(_serve(Service(rates=rates, enforce_sizes=options.sizes), options.port))


async def _serve(service: Service, port: int) -> None:
    async with ending() as told, listening(service, port) as url:
        print(f"tables {url}", flush=True)
        await told.wait()


if __name__ == "__main__":
    main()
