"""What a location's recipients follow from, as hashes: equal fingerprints, equal decisions."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from shared.domain.ids import LocationId, SourceId
from shared.domain.run import Plan
from shared.domain.snapshots.changeset import Changes
from shared.domain.snapshots.snapshot import SnapshotDigest, scope_of
from shared.domain.sync.jobs import FetchOutcome, FetchResult, ReconcileResult


def needed(plan: Plan, feeds: Sequence[SourceId]) -> Sequence[SourceId]:
    """Return the sources that a decision about a location depends on: those that feed it, and who reports to whom."""
    apart = plan.preferences.attributes.manager and plan.everyone not in feeds
    return (*feeds, plan.everyone) if apart else feeds


def fingerprint_of(plan: Plan, feeds: Sequence[SourceId], fetched: Mapping[SourceId, FetchResult]) -> str | None:
    """Return a hash of everything the decision depends on but the stored recipients; None unless all was read."""
    tallies = {}
    for source in needed(plan, feeds):
        result = fetched[source]
        if result.outcome is not FetchOutcome.COMPLETE or result.snapshot is None:
            return None
        tallies[source] = result.snapshot.digest
    return _hash(plan, tallies)


def fingerprint_before(plan: Plan, source: SourceId, changes: Changes) -> str:
    """Return what `fingerprint_of` a location that this source alone feeds was before it changed."""
    return _hash(plan, {source: changes.since})


def _hash(plan: Plan, tallies: Mapping[SourceId, SnapshotDigest]) -> str:
    lines = [f"{source} {digest.content_hash} {digest.users}" for source, digest in tallies.items()]
    return sha256("\n".join([plan.preferences.digest(), *lines]).encode()).hexdigest()


def fingerprint_of_all(plan: Plan, fetched: Mapping[SourceId, FetchResult]) -> str | None:
    """Return a hash of what all locations of a run depend on; None unless all of it was read."""
    return _together({location: fingerprint_of(plan, feeds, fetched) for location, feeds in plan.locations.items()})


def up_to_date_fingerprint(
    plan: Plan, reconciled: Mapping[LocationId, ReconcileResult], fully_deactivated: Collection[LocationId]
) -> str | None:
    """Return the same hash if every location's recipients are what follows from its fingerprints; None otherwise.

    `fully_deactivated` are the locations where all candidates that were found are deactivated now.
    """
    fingerprints: dict[LocationId, str | None] = {}
    for location in plan.locations:
        result = reconciled.get(location)
        up_to_date = result is not None and (result.is_up_to_date or location in fully_deactivated)
        fingerprints[location] = result.input_fingerprint if result is not None and up_to_date else None
    return _together(fingerprints)


def _together(fingerprints: Mapping[LocationId, str | None]) -> str | None:
    if None in fingerprints.values():
        return None
    return sha256(
        "\n".join(f"{location} {fingerprints[location]}" for location in sorted(fingerprints)).encode()
    ).hexdigest()


def snapshot_scope(plan: Plan) -> str:
    """Return what a snapshot's content depends on in this plan: a delta read continues only within the same scope."""
    return scope_of(plan.connection, managers=plan.preferences.attributes.manager)
