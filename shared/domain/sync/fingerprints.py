"""Input fingerprints: hashes of everything a location's decision depends on. Equal inputs give equal decisions."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from shared.domain.ids import LocationId, SourceId
from shared.domain.run import Plan
from shared.domain.snapshots.snapshot import scope_of
from shared.domain.sync.jobs import FetchResult, ReconcileResult


def needed(plan: Plan, source_ids: Sequence[SourceId]) -> Sequence[SourceId]:
    """Return the sources that a location's decision depends on: its own, and the whole directory if managers count."""
    needs_managers = plan.preferences.attributes.manager and plan.everyone not in source_ids
    return (*source_ids, plan.everyone) if needs_managers else source_ids


def fingerprint_of(plan: Plan, source_ids: Sequence[SourceId], fetched: Mapping[SourceId, FetchResult]) -> str | None:
    """Return a hash of everything the decision depends on except the stored recipients.

    Returns None unless all sources were read completely.
    """
    manifests = {source: fetched[source].snapshot for source in needed(plan, source_ids)}
    return _hash(plan, {source: manifest.fingerprint if manifest else None for source, manifest in manifests.items()})


def fingerprint_before(
    plan: Plan, source_ids: Sequence[SourceId], fetched: Mapping[SourceId, FetchResult]
) -> str | None:
    """Return the `fingerprint_of` a location with the previous snapshots; None unless all sources have one."""
    return _hash(plan, {source: fetched[source].since for source in needed(plan, source_ids)})


def _hash(plan: Plan, sources: Mapping[SourceId, str | None]) -> str | None:
    if None in sources.values():
        return None
    lines = [f"{source} {fingerprint}" for source, fingerprint in sources.items()]
    return sha256("\n".join([plan.preferences.digest(), *lines]).encode()).hexdigest()


def fingerprint_of_all(plan: Plan, fetched: Mapping[SourceId, FetchResult]) -> str | None:
    """Return the fingerprint of all locations of a run; None unless all sources were read completely."""
    return _combined(
        {location: fingerprint_of(plan, source_ids, fetched) for location, source_ids in plan.locations.items()}
    )


def up_to_date_fingerprint(
    plan: Plan, reconciled: Mapping[LocationId, ReconcileResult], fully_deactivated: Collection[LocationId]
) -> str | None:
    """Return `fingerprint_of_all` if all locations are up to date, otherwise None.

    `fully_deactivated` are the locations where all candidates are now deactivated.
    """
    fingerprints: dict[LocationId, str | None] = {}
    for location in plan.locations:
        result = reconciled.get(location)
        up_to_date = result is not None and (result.is_up_to_date or location in fully_deactivated)
        fingerprints[location] = result.input_fingerprint if result is not None and up_to_date else None
    return _combined(fingerprints)


def _combined(fingerprints: Mapping[LocationId, str | None]) -> str | None:
    if None in fingerprints.values():
        return None
    return sha256(
        "\n".join(f"{location} {fingerprints[location]}" for location in sorted(fingerprints)).encode()
    ).hexdigest()


def snapshot_scope(plan: Plan) -> str:
    """Return the scope of the plan's snapshots. A delta read continues only a snapshot of the same scope."""
    return scope_of(plan.connection, managers=plan.preferences.attributes.manager)
