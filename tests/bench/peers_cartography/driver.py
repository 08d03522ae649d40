"""Cartography's Entra module in its own environment, controlled by tests/bench/peers_process.py.

The first line of standard input contains the directory, and each further line requests one reading. Each response is a
line of JSON with its result and its cost. Cartography's `sync_entra_users` and `sync_entra_groups` run unchanged, with
two exceptions. Their constant addresses are replaced, and the rows that they would load into Neo4j are only counted.
"""

import asyncio
import gc
import json
import sys
from time import perf_counter, process_time
from typing import Any

from azure.identity import ClientSecretCredential
from cartography.intel.microsoft import credentials
from cartography.intel.microsoft.entra import groups, users
from msgraph.graph_service_client import GraphServiceClient

_UPDATE_TAG = 1


def main() -> None:
    """Read once per request."""
    known = json.loads(sys.stdin.readline())
    found: dict[str, int] = {}
    _lead_to(known)
    _count_into(found)
    for _ in sys.stdin:
        found.update(people=0, memberships=0, groups=0)
        gc.collect()
        cpu, wall = process_time(), perf_counter()
        asyncio.run(_sync(known))
        spent = {"cpu_s": process_time() - cpu, "wall_s": perf_counter() - wall}
        print(json.dumps(found | spent), flush=True)


async def _sync(known: dict[str, str]) -> None:
    for sync in (users.sync_entra_users, groups.sync_entra_groups):
        await sync(None, known["tenant"], known["application"], known["secret"], _UPDATE_TAG, {})


def _lead_to(known: dict[str, str]) -> None:
    """Redirect the requests of cartography from Microsoft to the simulator."""

    def credential(tenant: str, client: str, secret: str, **_: object) -> ClientSecretCredential:
        return ClientSecretCredential(tenant, client, secret, authority=known["login"], disable_instance_discovery=True)

    def client(credential: ClientSecretCredential, **_: object) -> GraphServiceClient:
        made = GraphServiceClient(credential, scopes=[f"{known['graph']}/.default"])
        made.request_adapter.base_url = f"{known['graph']}/v1.0"
        return made

    credentials.make_credential = credential
    users.GraphServiceClient = groups.GraphServiceClient = client


def _count_into(found: dict[str, int]) -> None:
    """Count rows instead of loading them."""

    def load_users(_: None, rows: list[dict[str, Any]], *_rest: object) -> None:
        found["people"] += len(rows)

    def load_groups(_: None, rows: list[dict[str, Any]], *_rest: object) -> None:
        found["groups"] += sum(not row["member_ids"] for row in rows)
        found["memberships"] += sum(len(row["member_ids"]) for row in rows)

    users.load_users, groups.load_groups = load_users, load_groups
    users.cleanup = groups.cleanup_groups = lambda *_: None


if __name__ == "__main__":
    main()
