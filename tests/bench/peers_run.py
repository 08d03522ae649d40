"""Beside `peers`: a full run of the product, whose directory is the simulator's and whose storage is in memory."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from shared.adapters.clock import SystemClock
from shared.adapters.id_source import RandomIdSource
from shared.domain.ids import LocationId, object_id
from shared.domain.preferences.filters import Attribute
from shared.domain.preferences.location_rule import LocationRule, Place
from shared.domain.preferences.preferences import Mode, Preferences
from shared.domain.run import RunMode
from tests.bench.entra import Directory, directories
from tests.bench.peers_process import Reading
from tests.bench.product import TENANT, Product
from tests.bench.results import spent
from tests.support.fakes import fake_ports
from tests.support.world import World

_LOCATION: Final = "office"


async def run(known: Directory) -> Reading:
    """Return what a run over everybody and all groups has made and taken, the first of a tenant in a new worker.

    All groups are mapped to one location, and a rule puts everybody there too. So the run reads the users and the
    members of each group, 24 jobs at a time as host.json has it, and makes one recipient of each person, with the
    groups that they are in.
    """
    async with _tenant(known) as product:
        took = await spent(lambda: product.sync(RunMode.FULL))
        found = await product.world.recipients(TENANT, _LOCATION)
    memberships = sum(len(each.groups) for each in found)
    return Reading(wall_s=took.wall_s, cpu_s=took.cpu_s, people=len(found), memberships=memberships)


@asynccontextmanager
async def _tenant(known: Directory) -> AsyncIterator[Product]:
    """Give a deployment in memory, with one tenant that has never been synced, and a client that has no token yet."""
    factory = directories()
    world = World(
        dataclasses.replace(fake_ports(), clock=SystemClock(), ids=RandomIdSource(SystemClock()), directories=factory)
    )
    rule = LocationRule(
        attribute=Attribute("companyName"),
        places=(Place(value=known.company, location=LocationId(_LOCATION)),),
    )
    preferences = Preferences(mode=Mode.GROUPS, location_rule=rule)
    groups = [object_id(each["id"]) for each in known.known["groups"]]
    await world.connected(TENANT, known.credentials, preferences, {_LOCATION: groups})
    try:
        yield Product(world)
    finally:
        await factory.close()
