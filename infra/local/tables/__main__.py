"""`python -m infra.local.tables [--port N] [--partition-rows-s 2000 --account-rows-s 20000] [--sizes]`."""

import argparse
import asyncio
import signal

from infra.local.parent import end_with_parent, watch
from infra.local.tables.rates import Rates
from infra.local.tables.server import listening
from infra.local.tables.service import Service


def main() -> None:
    """Runs until SIGTERM or SIGINT, or until the process that started it is gone."""
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
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with listening(service, port) as url:
        print(f"tables {url}", flush=True)
        waits = {asyncio.create_task(ended.wait()), asyncio.create_task(watch())}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()


if __name__ == "__main__":
    main()
