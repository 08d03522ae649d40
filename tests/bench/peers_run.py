"""A full run of the product, for comparison with `peers`: the directory is the simulator, the storage is in memory."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from shared.adapters.clock import SystemClock
from shared.adapters.id_source import RandomIdSource
from shared.domain.ids import LocationId, object_id
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.location_rule import LocationRule, LocationRuleEntry
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunMode
from tests.bench.entra import Directory, directories
from tests.bench.peers_process import Reading
from tests.bench.product import TENANT, DelayingQueue, Product
from tests.bench.results import spent
from tests.support.fakes import entra_providers, fake_ports
from tests.support.world import World

_LOCATION: Final = "office"


async def run(known: Directory) -> Reading:
    """Return the result and cost of a full run over all users and groups, the first of a tenant in a new worker.

    All groups are mapped to one location, and a rule assigns all users to it as well. The run reads the users and the
    members of each group, with 24 concurrent jobs as in host.json. It creates one recipient per person with its groups.
    """
    async with _tenant(known) as product:
        took = await spent(lambda: product.sync(RunMode.FULL))
        found = await product.world.recipients(TENANT, _LOCATION)
    memberships = sum(len(each.groups) for each in found)
    return Reading(wall_s=took.wall_s, cpu_s=took.cpu_s, people=len(found), memberships=memberships)


@asynccontextmanager
async def _tenant(known: Directory) -> AsyncIterator[Product]:
    """Yield an in-memory deployment with one tenant that was never synced, and a client without a token."""
    factory = directories()
    world = World(
        dataclasses.replace(
            fake_ports(),
            queue=DelayingQueue(),
            clock=SystemClock(),
            ids=RandomIdSource(SystemClock()),
            providers=entra_providers(factory),
        )
    )
    rule = LocationRule(
        attribute=Attribute("companyName"),
        entries=(LocationRuleEntry(value=known.company, location=LocationId(_LOCATION)),),
    )
    preferences = Preferences(mode=Mode.GROUPS, location_rule=rule)
    groups = [object_id(each["id"]) for each in known.known["groups"]]
    await world.connected(TENANT, known.credentials, preferences, {_LOCATION: groups})
    try:
        yield Product(world)
    finally:
        await factory.close()
