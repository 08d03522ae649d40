"""Run the simulator.

python -m infra.local.entra --login-port 23441 --graph-port 23442 --admin-port 23444 --cert FILE --key FILE
"""

import argparse
import asyncio
from pathlib import Path

from infra.local.entra.server import EntraSimulator
from infra.local.stack.parent import end_with_parent, ending


def main() -> None:
    """Run until SIGTERM or SIGINT, or until the process that started it has ended."""
    parser = argparse.ArgumentParser(description="A local stand-in for the Microsoft login service and Graph.")
    parser.add_argument("--login-port", type=int, default=23_441)
    parser.add_argument("--graph-port", type=int, default=23_442)
    parser.add_argument("--admin-port", type=int, default=23_444)
    parser.add_argument("--cert", type=Path, required=True, help="PEM file of the TLS certificate for 127.0.0.1")
    parser.add_argument("--key", type=Path, required=True, help="PEM file of its private key")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the sample directories' user counts")
    options = parser.parse_args()
    end_with_parent()
    simulator = EntraSimulator(
        cert=options.cert,
        key=options.key,
        scale=options.scale,
        login_port=options.login_port,
        graph_port=options.graph_port,
        admin_port=options.admin_port,
    )
    asyncio.run(_serve(simulator))


async def _serve(simulator: EntraSimulator) -> None:
    async with ending() as signalled, simulator:
        print(f"login {simulator.login} graph {simulator.graph} admin {simulator.admin}", flush=True)
        await signalled.wait()


if __name__ == "__main__":
    main()
