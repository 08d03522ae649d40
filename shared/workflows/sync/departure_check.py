"""Departure check: asks the directory about each candidate of a run, and keeps those whose departure it confirms."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from shared.domain.counted import counted
from shared.domain.directory import Existence, Source
from shared.domain.ids import LocationId, ObjectId, SourceId
from shared.domain.problem import Problem
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.departures import apply_location_rule, confirm
from shared.domain.run import Plan
from shared.ports.directory import Directory
from shared.ports.platform import Clock
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.sync.resumable_check import ResumableCheck
from shared.workflows.sync.stages import StageCoordinator


class DepartureCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Confirms departures by the existence check of the run's directory."""

    access: DirectoryAccess
    stages: StageCoordinator
    clock: Clock

    async def __call__(
        self, plan: Plan, candidates: Mapping[LocationId, Sequence[Candidate]], check: ResumableCheck
    ) -> tuple[dict[LocationId, tuple[Candidate, ...]], tuple[Problem, ...]]:
        """Return the candidates whose departure the directory confirms, by location, and a problem per other location.

        A candidate that cannot be confirmed stays a recipient.

        Raises:
            Superseded: The run no longer owns the tenant.
            NeedsAttention: The directory refuses the connection or the request.
            Transient: The directory did not respond.
        """
        if not candidates:
            return {}, ()
        departures: dict[LocationId, tuple[Candidate, ...]] = {}
        problems = []
        context = await self.stages.require_current(plan)
        now = self.clock.now()
        gone = frozenset(name for name, unread in context.state.value.unread.items() if unread.is_gone(now))
        async with self.access.open_for_run(plan, context) as directory:
            answers = _Answers(directory, check)
            for location, at_location in sorted(candidates.items()):
                if not plan.locations[location]:  # no source is mapped to the location, so there is nothing to check
                    departures[location] = tuple(at_location)
                    continue
                accounts = [candidate for candidate in at_location if candidate.account_only]
                absent = [candidate for candidate in at_location if not candidate.account_only]
                existence = await _existence(plan, answers, location, absent, gone)
                departures[location] = (
                    *confirm(absent, existence, plan.preferences),
                    *confirm(accounts, await answers.about(accounts), plan.preferences),
                )
                unknown = sum(existence[candidate.object_id] is Existence.UNKNOWN for candidate in absent)
                if unknown:
                    problems.append(_unconfirmed(location, unknown))
        return departures, tuple(problems)


class _Answers(msgspec.Struct, frozen=True):
    """The answers of one directory. In full mode all locations have the same sources and lose the same people."""

    directory: Directory
    check: ResumableCheck

    async def about(self, candidates: Sequence[Candidate], *groups: Source) -> Mapping[ObjectId, Existence]:
        """Return the existence of the candidates."""
        return await self.check(self.directory, [candidate.object_id for candidate in candidates], groups)


async def _existence(
    plan: Plan, answers: _Answers, location: LocationId, candidates: Sequence[Candidate], gone: AbstractSet[SourceId]
) -> Mapping[ObjectId, Existence]:
    """Return the existence of candidates in the sources of a location, without groups that are `gone`.

    If a location rule feeds the location, it is applied to the live users.
    """
    rule, source_ids = plan.preferences.rule, set(plan.locations[location]) - gone
    groups = [source for name, source in plan.sources.items() if name in source_ids and source.group is not None]
    existence = await answers.about(candidates, *groups)
    if not source_ids:
        return {person: _outside(answer) for person, answer in existence.items()}
    if rule is None or plan.everyone not in source_ids or not candidates:
        return existence
    people = sorted({candidate.object_id for candidate in candidates})
    users = await answers.directory.users_by_id(people)
    live = {person: user for person, user in users.items() if user is not None}
    at_location = {person: existence[person] for person in people}
    return apply_location_rule(at_location, live, rule, location, grouped=len(source_ids) > 1)


def _outside(existence: Existence) -> Existence:
    """Return the existence of a person in no group, where the directory was asked only whether they exist."""
    return Existence.NOT_IN_SOURCE if existence in {Existence.FOUND, Existence.GUEST} else existence


def _unconfirmed(location: LocationId, people: int) -> Problem:
    return Problem(
        concerns=location,
        code="unconfirmed",
        detail=f"The directory could not confirm that {counted(people, 'person', 'people')} left. "
        "They stay active until a later sync.",
    )
