"""Group mapping: directory groups mapped to locations, and the sources that a run therefore reads."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.domain.directory import Source
from shared.domain.ids import MAIN, ConnectionId, LocationId, ObjectId, SourceId
from shared.domain.preferences.preferences import Mode, Preferences


class GroupMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A directory group mapped to a location. Members of nested groups are included unless `transitive` is false."""

    id: ObjectId
    transitive: bool = True

    def source(self, connection: ConnectionId = MAIN) -> Source:
        """Return the source to read for this mapping."""
        return Source(connection=connection, group=self.id, transitive=self.transitive)


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A place with a mailroom, and the groups whose members are its recipients in groups mode."""

    id: LocationId
    name: str
    groups: tuple[GroupMapping, ...] = ()
    #: Fields of columns in files for this location, by the column's name; None for a column that is not used.
    columns: dict[str, str | None] = {}

    def without(self, group: ObjectId) -> "Location":
        """Return the location without a group."""
        others = tuple(mapping for mapping in self.groups if mapping.id != group)
        return msgspec.structs.replace(self, groups=others)


def sources_of(
    preferences: Preferences, locations: Sequence[Location], connection: ConnectionId = MAIN
) -> tuple[dict[SourceId, Source], Mapping[LocationId, tuple[SourceId, ...]]]:
    """Return the sources to read without duplicates, and the sorted ids of the sources of every location.

    The whole directory is also read if the preferences ask for managers. Groups are read by id if the whole directory
    is a source of all their locations.
    """
    everyone = Source(connection=connection)
    by_rule = preferences.rule.locations if preferences.rule is not None else frozenset()
    sources: dict[SourceId, Source] = {}
    in_full: set[SourceId] = set()
    source_ids: dict[LocationId, tuple[SourceId, ...]] = {}
    for location in sorted(locations, key=lambda location: location.id):
        required = [everyone]
        if preferences.mode is Mode.GROUPS:
            groups = [group.source(connection) for group in location.groups]
            required = [everyone, *groups] if location.id in by_rule else groups
        sources.update((source.id, source) for source in required)
        source_ids[location.id] = tuple(sorted({source.id for source in required}))
        if everyone not in required:
            in_full.update(source_ids[location.id])
    for name in sources.keys() - in_full - {everyone.id}:
        sources[name] = msgspec.structs.replace(sources[name], by_id=True)
    if preferences.attributes.manager and source_ids:
        sources[everyone.id] = everyone
    return dict(sorted(sources.items())), source_ids
