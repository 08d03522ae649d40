"""Invariants about what was deleted and is created again under the same id."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.adapters.stores import keys
from shared.adapters.stores.table_names import ALL_TABLES, AUDIT, LOCATIONS, RECIPIENTS, TENANTS
from shared.adapters.tables.edm import EncodedRow
from shared.domain.ids import LocationId, TenantId
from shared.domain.optimistic_locking import Part
from tests.simulation.engine.cluster import Cluster, ran
from tests.simulation.engine.final_invariants import FinalInvariants

#: The tables with rows that belong to tenants and go with them.
_OF_LIVES: Final = frozenset(ALL_TABLES) - {AUDIT}


def key_of(row: Mapping[str, Any] | EncodedRow) -> str:
    """Return the row key of a row that is written."""
    return row.key if isinstance(row, EncodedRow) else str(row["RowKey"])


class LifeInvariants(FinalInvariants):
    """Watches tenants and locations begin and end."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._existing = set(map(str, cluster.tenants))
        self._located = {(tenant, location.id) for tenant in cluster.tenants for location in self._locations(tenant)}

    def _locations(self, tenant: TenantId) -> Sequence[Any]:
        return ran(self._cluster.view.settings.list_locations(tenant))

    def _watch_lives(self, table: str, partition: str, operations: Sequence[Any]) -> None:
        tenant = partition.partition(":")[0]
        if table not in _OF_LIVES or tenant not in self._cluster.tenants:
            return
        if tenant in self._existing:
            self._i16_same_life(table, tenant)
        if table == TENANTS:
            for kind, row, *_ in operations:
                if key_of(row) == Part.TENANT.value:
                    self._begin_or_end(tenant, ends=kind == "delete")
        elif table == LOCATIONS:
            for kind, row, *_ in operations:
                self._locate(tenant, LocationId(key_of(row)), ends=kind == "delete")

    def _begin_or_end(self, tenant: str, *, ends: bool) -> None:
        if ends and tenant in self._existing:
            self._existing.remove(tenant)
            self._cluster.lives[tenant] += 1
        elif not ends and tenant not in self._existing:
            self._existing.add(tenant)
            self._i16_begins_empty(tenant)

    def _locate(self, tenant: str, location: LocationId, *, ends: bool) -> None:
        place = (TenantId(tenant), location)
        if ends:
            self._located.discard(place)
        elif place not in self._located:
            self._located.add(place)
            if not self._is_deleted(tenant, location):  # a deletion looks for what requests have stored during it
                self._i16_location_begins_empty(place)

    def _i16_location_begins_empty(self, place: tuple[TenantId, LocationId]) -> None:
        """A location that is created has no row of an earlier one with its id except the fence."""
        left = self._cluster.tables.names(RECIPIENTS, keys.location(*place)) - {keys.FENCE}
        self._require(not left, "I16", f"{place} began with recipients of an earlier one")

    def _i16_begins_empty(self, tenant: str) -> None:
        """A tenant that is created has no row of an earlier one with its id."""
        left = [
            f"{table} {partition}"
            for table in sorted(_OF_LIVES)
            for partition in self._cluster.tables.partitions(table)
            if partition.startswith(f"{tenant}:") or (partition == tenant and table != TENANTS)
        ]
        left += [f"Tenants {name}" for name in self._cluster.tables.names(TENANTS, tenant) - {Part.TENANT.value}]
        self._require(not left, "I16", f"{tenant} began with what an earlier one has left: {left}")

    def _i16_same_life(self, table: str, tenant: str) -> None:
        """What began before a tenant was deleted does not write to a later one with its id."""
        began = self._cluster.began_in.get()
        lives = self._cluster.lives[tenant]
        self._require(
            began is None or began[tenant] == lives, "I16", f"what began in an earlier {tenant} wrote {table} of it"
        )

    def _is_deleted(self, tenant: str, location: str) -> bool:
        """Return whether a location, or its tenant, is being deleted."""
        view, id_ = self._cluster.view, TenantId(tenant)
        return (
            tenant not in self._existing
            or ran(view.settings.find_location_deletion(id_, LocationId(location))).value is not None
            or ran(view.tenants.find_deletion(id_)).value is not None
        )
