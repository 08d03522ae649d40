"""Scenes of the demo: the set-up of each tenant, and the changes in its directory before the second sync."""

from dataclasses import dataclass, field
from typing import Any

from infra.local.demo.api import Api
from infra.local.demo.simulator import Simulator

CONTOSO_LOCATIONS = [f"floor-{number:02d}" for number in range(1, 11)]
FABRIKAM_LOCATIONS = [
    "amsterdam", "berlin", "cologne", "dublin", "essen", "florence",
    "geneva", "hamburg", "istanbul", "jena", "kyoto", "lisbon",
]  # fmt: skip

#: Number of people read from the directory, from which the demo chooses.
_CANDIDATES = 50


@dataclass(slots=True)
class Scene:
    """One tenant of the demo, and the ids of the people that the changes in its directory concern."""

    tenant: str
    touched: set[str] = field(default_factory=set)
    #: For groups mode: the mapped groups of each location.
    mapping: dict[str, list[str]] = field(default_factory=dict)


async def onboard_contoso(api: Api) -> Scene:
    """Onboard in full mode: every person becomes a recipient at each of ten locations."""
    await api.onboard("contoso", preferences={"mode": "full"}, locations=CONTOSO_LOCATIONS)
    return Scene("contoso")


async def change_contoso(scene: Scene, simulator: Simulator) -> None:
    """Change the directory: three people join, two leave, one account is disabled, one person is renamed."""
    people = await simulator.people("contoso", _CANDIDATES)
    for number in range(3):
        scene.touched.add(await simulator.join("contoso", f"New Colleague {number + 1}"))
    await simulator.leave("contoso", people[3])
    await simulator.leave("contoso", people[7])
    await simulator.change("contoso", people[11], accountEnabled=False)
    await simulator.change("contoso", people[13], displayName="Renamed Colleague")
    scene.touched.update((people[3], people[7], people[11], people[13]))


async def onboard_fabrikam(api: Api, simulator: Simulator) -> Scene:
    """Onboard in groups mode: forty groups, mapped many to many to twelve locations."""
    groups = await simulator.groups("fabrikam")
    mapping: dict[str, list[str]] = {location: [] for location in FABRIKAM_LOCATIONS}
    for number, group in enumerate(groups):
        # each group is mapped to one location, every fourth to a second one as well
        places = {number % len(FABRIKAM_LOCATIONS)}
        if number % 4 == 0:
            places.add((number * 5 + 7) % len(FABRIKAM_LOCATIONS))
        for place in places:
            mapping[FABRIKAM_LOCATIONS[place]].append(group)
    await api.onboard("fabrikam", preferences={"mode": "groups"}, locations=FABRIKAM_LOCATIONS, mapping=mapping)
    return Scene("fabrikam", mapping=mapping)


async def change_fabrikam(scene: Scene, simulator: Simulator) -> None:
    """Change the directory and its groups.

    One person joins, one leaves a group, one moves to another group, one is renamed, one disabled, one deleted.
    """
    sizes = {
        group: await simulator.members("fabrikam", group, transitive=False)
        for groups in scene.mapping.values()
        for group in groups
    }
    largest, second, *_ = sorted(sizes, key=lambda group: (-len(sizes[group]), group))
    leaver, mover, renamed, disabled, deleted = sorted(sizes[largest])[:5]
    joiner = await simulator.join("fabrikam", "New Colleague", largest)
    await simulator.move("fabrikam", largest, remove=[leaver, mover])
    await simulator.move("fabrikam", second, add=[mover])
    await simulator.change("fabrikam", renamed, displayName="Renamed Colleague")
    await simulator.change("fabrikam", disabled, accountEnabled=False)
    await simulator.leave("fabrikam", deleted)
    scene.touched.update((joiner, leaver, mover, renamed, disabled, deleted))


async def differences(scene: Scene, api: Api, simulator: Simulator) -> list[str]:
    """Return the locations whose active recipients differ from the enabled members of their groups."""
    enabled = {user["id"] for user in await simulator.users(scene.tenant) if user["accountEnabled"]}
    wrong = []
    for location, groups in scene.mapping.items():
        members: set[str] = set()
        for group in groups:
            members |= await simulator.members(scene.tenant, group)
        recipients = await api.recipients(scene.tenant, location, status="active")
        active = {recipient["objectId"] for recipient in recipients}
        if active != members & enabled:
            wrong.append(f"{scene.tenant}/{location}: {len(active ^ (members & enabled))} people differ")
    return wrong


async def untouched_changes(scene: Scene, api: Api, run: dict[str, Any]) -> list[str]:
    """Return the changes of a run that concern people who did not change."""
    changes: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.call("GET", f"/tenants/{scene.tenant}/runs/{run['id']}/changes?cursor={cursor}")
        changes, cursor = changes + page["changes"], page["cursor"]
    return [
        f"{scene.tenant}: {change['kind']} {change['objectId']} although nothing changed there"
        for change in changes
        if change["kind"] != "skipped" and change["objectId"] not in scene.touched
    ]
