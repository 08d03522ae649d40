"""Which directory group puts people into which location, and what a run must therefore read."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.directory import Source
from shared.domain.ids import MAIN, ConnectionId, LocationId, ObjectId, SourceId
from shared.domain.preferences.preferences import Mode, Preferences


class GroupMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One directory group mapped to a location; nested groups count unless `transitive` is false."""

    id: ObjectId
    transitive: bool = True

    def source(self, connection: ConnectionId = MAIN) -> Source:
        """Return what to read for this mapping."""
        return Source(connection=connection, group=self.id, transitive=self.transitive)


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A place with a mailroom, and the groups whose members are its recipients in groups mode."""

    id: LocationId
    name: str
    groups: tuple[GroupMapping, ...] = ()


def sources_of(
    preferences: Preferences, locations: Sequence[Location], connection: ConnectionId = MAIN
) -> tuple[dict[SourceId, Source], Mapping[LocationId, tuple[SourceId, ...]]]:
    """Return the sources to read, each once, and for each location the sorted ids of those that feed it.

    Where managers are asked for, the whole directory is read, whomever it feeds. Groups that feed only locations that
    the whole directory feeds as well are read by id.
    """
    everyone = Source(connection=connection)
    by_rule = preferences.rule.locations if preferences.rule is not None else frozenset()
    sources: dict[SourceId, Source] = {}
    in_full: set[SourceId] = set()
    feeds: dict[LocationId, tuple[SourceId, ...]] = {}
    for location in sorted(locations, key=lambda each: each.id):
        wanted = [everyone]
        if preferences.mode is Mode.GROUPS:
            groups = [group.source(connection) for group in location.groups]
            wanted = [everyone, *groups] if location.id in by_rule else groups
        sources.update((source.id, source) for source in wanted)
        feeds[location.id] = tuple(sorted({source.id for source in wanted}))
        if everyone not in wanted:
            in_full.update(feeds[location.id])
    for name in sources.keys() - in_full - {everyone.id}:
        sources[name] = msgspec.structs.replace(sources[name], by_id=True)
    if preferences.attributes.manager and feeds:
        sources[everyone.id] = everyone
    return dict(sorted(sources.items())), feeds
