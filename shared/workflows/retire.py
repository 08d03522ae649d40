"""Retire: those whom every complete source lacks are asked about once more, guarded, then deactivated or held."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.access import DirectoryAccess
from shared.dispatch import Dispatch
from shared.domain.directory import Presence
from shared.domain.guard import Loss, breaches, digest
from shared.domain.ids import LocationId, ObjectId
from shared.domain.job import Candidate, ReconcileMarker, RetireJob
from shared.domain.leavers import confirmed, deactivations
from shared.domain.run import Plan, Problem, RunState
from shared.domain.verdict import Verdict
from shared.errors import NeedsAttention
from shared.fencing import FencedLocation
from shared.ports import Clock, Directory, RecipientStore, RunStore
from shared.telemetry import Usage, event

#: Over how long earlier deactivations count against the guard.
_GUARD_WINDOW: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire:
    """Deactivates a run's confirmed leavers, or holds them all, and has the run finished."""

    runs: RunStore
    recipients: RecipientStore
    access: DirectoryAccess
    dispatch: Dispatch
    finish: Callable[[Plan, Verdict, Usage], Awaitable[None]]
    clock: Clock
    new_attempt: Callable[[], str]

    async def __call__(self, job: RetireJob, usage: Usage) -> None:
        """Leave the run finished. Delivered again it deactivates nobody twice.

        Raises: Superseded when the run does not own the tenant any more; Transient when the directory
        cannot be asked just now. Where it refuses to answer, the run finishes and nobody is deactivated.
        """
        plan = await self.dispatch.current_plan(job.tenant, job.run)
        markers = await self.runs.reconcile_markers(job.tenant, job.run)
        asked = {location: marker for location, marker in markers.items() if marker.candidates}
        try:
            gone, problems = await self._confirm(plan, asked)
        except NeedsAttention as error:
            gone, problems = {}, (Problem(concerns="retire", code=error.code, detail=str(error)),)
        leaving = {location: people for location, people in gone.items() if people}
        exceeded = breaches(await self._losses(plan, markers, leaving), plan.preferences.guard)
        if exceeded:
            event("held", tenant=plan.tenant, run=plan.run, people=sum(map(len, leaving.values())))
            everyone = [(location, person) for location, people in leaving.items() for person in people]
            verdict = Verdict(
                state=RunState.HELD,
                held={location: len(people) for location, people in leaving.items()},
                held_digest=digest(everyone),
                problems=(*problems, *(_held(breach.location, breach.detail) for breach in exceeded)),
            )
        else:
            for location, people in leaving.items():
                await self._deactivate(plan, location, people)
            verdict = Verdict(state=RunState.DONE, problems=problems)
        await self.finish(plan, verdict, usage)

    async def _confirm(
        self, plan: Plan, asked: Mapping[LocationId, ReconcileMarker]
    ) -> tuple[dict[LocationId, tuple[Candidate, ...]], tuple[Problem, ...]]:
        """Ask the directory about every candidate; one that cannot be confirmed stays a recipient, with a problem."""
        if not asked:
            return {}, ()
        gone: dict[LocationId, tuple[Candidate, ...]] = {}
        problems = []
        async with self.access.of_run(plan) as directory:
            known: dict[tuple[str, ...], dict[ObjectId, Presence]] = {}
            for location, marker in sorted(asked.items()):
                feeds = plan.locations[location]
                if not feeds:  # nothing is mapped any more, so there is nothing to ask
                    gone[location] = marker.candidates
                    continue
                found = known.setdefault(feeds, {})
                await self._ask(plan, directory, feeds, marker, found)
                gone[location] = confirmed(marker.candidates, found, plan.preferences)
                unknown = sum(found[each.object_id] is Presence.UNKNOWN for each in marker.candidates)
                if unknown:
                    problems.append(_unconfirmed(location, unknown))
        return gone, tuple(problems)

    @staticmethod
    async def _ask(
        plan: Plan,
        directory: Directory,
        feeds: tuple[str, ...],
        marker: ReconcileMarker,
        found: dict[ObjectId, Presence],
    ) -> None:
        """Add to `found` whoever it does not hold yet: in full mode all locations lose the same people."""
        people = [each.object_id for each in marker.candidates if each.object_id not in found]
        if people:
            groups = [source for name, source in plan.sources.items() if name in feeds and source.group is not None]
            found.update(await directory.presence(people, groups))
            for person in people:
                found.setdefault(person, Presence.UNKNOWN)

    async def _losses(
        self,
        plan: Plan,
        markers: Mapping[LocationId, ReconcileMarker],
        leaving: Mapping[LocationId, tuple[Candidate, ...]],
    ) -> list[Loss]:
        if not leaving:
            return []
        recent: dict[LocationId, int] = {}
        async for run in self.runs.history(plan.tenant, since=self.clock.now() - _GUARD_WINDOW):
            if run.id != plan.run:
                for location, report in run.locations.items():
                    recent[location] = recent.get(location, 0) + report.counts.deactivated
        return [
            Loss(
                location=location,
                baseline=marker.baseline,
                candidates=len(leaving.get(location, ())) + marker.unnamed_candidates,
                recent=recent.get(location, 0),
            )
            for location, marker in markers.items()
        ]

    async def _deactivate(self, plan: Plan, location: LocationId, people: tuple[Candidate, ...]) -> None:
        fenced = await FencedLocation.take(
            self.recipients, plan.tenant, location, generation=plan.generation, attempt=self.new_attempt()
        )
        await self.dispatch.require_current(plan)
        wanted = {each.recipient for each in people}
        stored = {
            recipient.id: recipient
            async for recipient in self.recipients.read(plan.tenant, location)
            if recipient.id in wanted
        }
        await fenced.write(deactivations(people, stored), run=plan.run, actor="sync", at=self.clock.now())


def _held(location: LocationId | None, detail: str) -> Problem:
    return Problem(concerns=location or "tenant", code="guard", detail=f"{detail}; held until somebody approves it.")


def _unconfirmed(location: LocationId, people: int) -> Problem:
    return Problem(
        concerns=location,
        code="unconfirmed",
        detail=f"The directory gave no clear answer about {people} people; they stay active until a later run.",
    )
