"""Run a vault: `python -m infra.local.key_vault --port 23443 --cert FILE --key FILE [--data FILE]`."""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from infra.local.key_vault.server import LOGIN_URL, KeyVault
from infra.local.stack.parent import ending


def main() -> None:
    """Run the vault until SIGTERM or Ctrl-C. If it cannot start, exit with one sentence."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.key_vault", description=__doc__)
    parser.add_argument("--port", type=int, default=23443)
    parser.add_argument("--cert", type=Path, required=True, help="the server's certificate, PEM")
    parser.add_argument("--key", type=Path, required=True, help="its private key, PEM")
    parser.add_argument("--data", type=Path, help="keep the secrets in this file; without it, in memory")
    parser.add_argument("--login-url", default=LOGIN_URL, help="authority and tenant named in the challenge")
    given = parser.parse_args()
    try:
        vault = KeyVault(cert=given.cert, key=given.key, port=given.port, data=given.data, login_url=given.login_url)
        asyncio.run(_serve(vault))
    except msgspec.MsgspecError as error:
        sys.exit(f"{given.data} is not a saved vault ({error}): repair or remove it.")
    except OSError as error:
        sys.exit(f"The vault could not start: {error}.")


async def _serve(vault: KeyVault) -> None:
    async with ending() as signalled, vault:
        print(f"Key Vault answers at {vault.url}", flush=True)
        await signalled.wait()


if __name__ == "__main__":
    main()
