"""Read users, groups and members, and turn them into rows: the product, Backstage and cartography. `make bench-peers`.

All read one directory of 10,000 users and 100 groups of 500, of the same simulator process, alternately. The product
runs in this process and each other reader in its own. Their code is loaded and their connections are open before; every
reading starts without a token. None of them stores rows or encodes them for a store.

The product's side is one reader made of its client, listings and decisions (`peers_reader`). It reads users with 17
properties after a delta link, names of groups, and ids of transitive members. It makes 10,000 recipients with their
groups.

`reader_80ms_bound` compares the product's reader with the latency of the requests that no reader can overlap.

In addition, a full run of the product is measured, a tenant's first, with storage in memory (`peers_run`): plan, 101
fetch jobs, 24 at a time, each of which packs, hashes and verifies a snapshot, and comparison. It has no goal, because a
sync needs steps that a reader does not have.

Backstage is `readMicrosoftGraphOrg` with its defaults, but without photographs of people, which need a request each. It
reads 12 properties of each user, groups, and direct members with 11 properties, of which it uses only the id. It reads
ten groups at a time, after all users, and makes entities with their relations.

Cartography is `sync_entra_users` and `sync_entra_groups` without Neo4j: 19 properties of each user and their manager,
groups twice, owners of each group, ids of direct members. Requests are sequential, and use the models of the SDK.
"""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import ceil
from typing import Final

from infra.local.demo.simulator import Simulator
from shared.adapters.entra.links import PAGE_USERS
from tests.bench import peers_install
from tests.bench.entra import Directory, directory
from tests.bench.peers_process import Reading, peer
from tests.bench.peers_reader import reader
from tests.bench.peers_run import run
from tests.bench.results import ROUNDS, Result

_USERS: Final = 10_000
_GROUPS: Final = 100
_GROUP_SIZE: Final = 500
_FAR_MS: Final = 80
#: Requests of any reader that cannot overlap: a token, a delta link, and the pages of all users.
_SEQUENTIAL: Final = 2 + ceil(_USERS / PAGE_USERS)
#: More rounds than elsewhere, because readings of half a second vary with the load of the machine.
_ROUNDS: Final = 11


@dataclass(slots=True, kw_only=True)
class _Bench:
    """The directory that all read, and its latency."""

    known: Directory
    entra: Simulator
    latency_ms: int = 0

    async def move(self, latency_ms: int) -> None:
        """Set the latency of each request."""
        self.latency_ms = latency_ms
        await self.entra.call("PATCH", "/settings", {"latency_ms": latency_ms})

    async def run(self) -> "_Taken":
        """Return a full run of the product."""
        return await self.taken(lambda: run(self.known))

    async def taken(self, read: Callable[[], Awaitable[Reading]]) -> "_Taken":
        """Return one reading of any reader. Raises AssertionError unless it is complete."""
        await self.entra.call("DELETE", "/metrics")
        found = await read()
        counted = await self.entra.call("GET", "/metrics")
        assert (found.people, found.memberships) == (_USERS, _GROUPS * _GROUP_SIZE), found
        return _Taken(found=found, requests=counted["total"], sent_bytes=counted["bytes_sent"])

    def result(
        self,
        key: str,
        goal: float,
        ours: "Sequence[_Taken]",
        theirs: "Sequence[_Taken]",
        runs: "Sequence[_Taken]" = (),
    ) -> Result:
        """Return the wall time of another reader relative to the product."""
        sizes = {"users": _USERS, "groups": _GROUPS, "users_per_group": _GROUP_SIZE, "latency_ms": self.latency_ms}
        return Result(
            key=key,
            value=_median_s(theirs) / _median_s(ours),
            goal=goal,
            at_least=True,
            measured={
                **sizes,
                **_shown("ours", ours),
                **_shown("theirs", theirs),
                **(_shown("run", runs) if runs else {}),
                **peers_install.versions(),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A reading, and the counts of the simulator."""

    found: Reading
    requests: int
    sent_bytes: int


async def measure() -> list[Result]:
    """Return the wall times of the other readers relative to the product, as medians.

    Cartography takes minutes, so it is measured once.
    """
    backstage, cartography = peers_install.backstage(), peers_install.cartography()
    results: list[Result] = []
    async with _bench() as bench, reader(bench.known) as ours:
        async with peer(*backstage, bench.known) as other:
            for latency_ms, goal in ((0, 2.5), (_FAR_MS, 1.8)):
                await bench.move(latency_ms)
                # the first round includes lazy imports, and does not count
                found = [(await bench.taken(ours), await bench.taken(other.reading)) for _ in range(1 + _ROUNDS)][1:]
                runs = [await bench.run() for _ in range(1 + ROUNDS)][1:]
                mine, theirs = [each for each, _ in found], [each for _, each in found]
                results.append(bench.result(f"peers_backstage_{latency_ms}ms", goal, mine, theirs, runs))
            results.append(_bound(mine))
        await bench.move(0)
        mine = [await bench.taken(ours) for _ in range(_ROUNDS)]
        async with peer(*cartography, bench.known) as other:
            results.append(bench.result("peers_cartography", 500, mine, [await bench.taken(other.reading)]))
    return results


@asynccontextmanager
async def _bench() -> AsyncIterator[_Bench]:
    """Yield the directory, without throttling: rounds follow each other faster than real syncs would."""
    async with (
        directory(users=_USERS, groups=_GROUPS, group_size=_GROUP_SIZE) as known,
        Simulator({"simulator_admin": known.admin.removesuffix("/admin")}) as entra,
    ):
        await entra.call("PATCH", "/settings", {"throttling": False})
        # Backstage reads the name of the tenant
        await entra.call("POST", f"/directories/{known.name}/roles", {"grant": ["Organization.Read.All"]})
        yield _Bench(known=known, entra=entra)


def _bound(ours: Sequence[_Taken]) -> Result:
    """Return our wall time relative to the latency of the requests that no reader can overlap."""
    bound_s = _SEQUENTIAL * _FAR_MS / 1_000
    return Result(
        key="reader_80ms_bound",
        value=_median_s(ours) / bound_s,
        goal=1.25,
        measured={"seconds": _median_s(ours), "bound_s": bound_s, "sequential_requests": _SEQUENTIAL},
    )


def _median_s(rounds: Sequence[_Taken]) -> float:
    return statistics.median(each.found.wall_s for each in rounds)


def _shown(whose: str, rounds: Sequence[_Taken]) -> dict[str, object]:
    return {
        f"{whose}_wall_s": [round(each.found.wall_s, 3) for each in rounds],
        f"{whose}_cpu_s": [round(each.found.cpu_s, 3) for each in rounds],
        f"{whose}_requests": rounds[-1].requests,
        f"{whose}_bytes": rounds[-1].sent_bytes,
    }
