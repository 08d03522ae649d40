"""A worker process: runs the functions that the host invokes, on an event loop of its own.

`ProcessPerGroup` starts it. It ends when the host closes the connection or is killed.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local.functions_host import worker
from infra.local.functions_host.channel import Channel, Handler
from infra.local.functions_host.settings import load_settings

#: returns further handlers of a worker process, before the app is loaded
Prepare = Callable[[Channel], Mapping[str, Handler]]


def main(prepare: Prepare = lambda _: {}) -> None:
    """Answer the host's calls until it closes the connection."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of function_app.py and host.json")
    parser.add_argument("--descriptor", type=int, required=True, help="this process's end of the connection")
    arguments = parser.parse_args()
    # A signal to the whole process group is the host's to handle: it drains first.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(_run(arguments.root, socket.socket(fileno=arguments.descriptor), prepare))
    # The thread of a synchronous function cannot be ended, and Python would wait for it.
    logging.shutdown()
    os._exit(0)


async def _run(root: Path, end: socket.socket, prepare: Prepare) -> None:
    settings = load_settings(root)
    os.chdir(root)
    handlers: dict[str, Handler] = {}
    channel = await Channel.open(end, handlers)
    handlers |= prepare(channel)
    functions = {function.name: function for function in await worker.load(settings)}

    async def invoke(name: str, *arguments: object) -> object:
        return await worker.invoke(functions[name], *arguments)  # type: ignore[arg-type] # as `Workers.invoke` sent them

    async def definitions() -> object:
        return list(functions.values())

    handlers |= {"invoke": invoke, "functions": definitions}
    await channel.listen()


if __name__ == "__main__":
    main()
