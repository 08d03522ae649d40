"""Deactivate: those whom every complete source lacks are asked about once more, guarded, then deactivated or held."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.domain.directory import Existence
from shared.domain.ids import LocationId, ObjectId, RecipientId
from shared.domain.problem import Problem
from shared.domain.recipient import Recipient
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.departures import confirmed, deactivations, placed
from shared.domain.reconcile.guard import Breach, Loss, breaches, digest
from shared.domain.run import HeldDecision, Plan, Run, RunKind, RunState
from shared.domain.sync.jobs import DeactivateJob, ReconcileResult
from shared.domain.sync.run_outcome import RunOutcome
from shared.errors import NeedsAttention, NotFound
from shared.ports.directory import Directory
from shared.ports.platform import Clock, IdSource
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.telemetry import RequestCounters, event
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.recipients.fenced_writer import FencedWriter
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.stages import StageCoordinator

#: Over how long earlier deactivations count against the guard.
_DAY: Final = timedelta(hours=24)
_WEEK: Final = timedelta(days=7)
_GUARD: Final = "guard"
#: How many recipients are read one by one before it is better to read all of them.
_MAX_READ: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Deactivate:
    """Deactivates a run's confirmed leavers, or holds them all, and has the run finished."""

    runs: RunStore
    recipients: RecipientStore
    access: DirectoryAccess
    stages: StageCoordinator
    closer: RunCloser
    clock: Clock
    ids: IdSource

    async def __call__(self, job: DeactivateJob, counters: RequestCounters) -> None:
        """Leave the run finished; once its held deactivations are approved, with these done.

        Delivered again it deactivates nobody twice. Raises: Superseded when the run does not own the tenant any more;
        Transient when the directory cannot be asked just now. Where it refuses to answer, the run finishes and nobody
        is deactivated.
        """
        plan = await self.stages.current_plan(job.tenant, job.run)
        run = (await self.runs.get(job.tenant, job.run)).value
        if run.decision is not None:
            outcome = await self._approved(plan, run, run.decision)
        else:
            outcome = await self._guarded(plan)
        await self.closer.finish(plan, outcome, counters)

    async def _guarded(self, plan: Plan) -> RunOutcome:
        """Deactivate the confirmed candidates of all locations, or hold them all."""
        results = await self.runs.list_reconcile_results(plan.tenant, plan.run)
        asked = {location: result.candidates for location, result in results.items() if result.candidates}
        try:
            gone, problems = await self._confirm(plan, asked)
        except NeedsAttention as error:
            gone, problems = {}, (_unasked(error),)
        leaving = {location: people for location, people in gone.items() if people}
        exceeded = breaches(await self._losses(plan, results, leaving), plan.preferences.guard)
        if plan.preview:
            return await self._previewed(plan, leaving, (*problems, *(_would_hold(breach) for breach in exceeded)))
        if not exceeded:
            await self._deactivate_all(plan, leaving, actor="sync", results=results)
            fully_deactivated = {each for each, people in leaving.items() if _all_gone(results[each], people)}
            return RunOutcome(state=RunState.DONE, problems=problems, fully_deactivated=frozenset(fully_deactivated))
        event("held", tenant=plan.tenant, run=plan.run, people=sum(map(len, leaving.values())))
        held = {}
        for location, people in leaving.items():
            held[location] = await self.runs.record_held(plan.tenant, plan.run, location, people)
        return _held_outcome(held, (*problems, *(_held(breach.location, breach.detail) for breach in exceeded)))

    async def _previewed(
        self, plan: Plan, leaving: Mapping[LocationId, Sequence[Candidate]], problems: tuple[Problem, ...]
    ) -> RunOutcome:
        """Write down whom the run would deactivate, and nothing else."""
        found = {}
        for location, people in leaving.items():
            found[location] = len(await self.runs.record_held(plan.tenant, plan.run, location, people))
        return RunOutcome(state=RunState.DONE, problems=problems, previewed=found)

    async def _approved(self, plan: Plan, run: Run, decision: HeldDecision) -> RunOutcome:
        """Deactivate exactly whom the run holds, but for those who have returned since; hold on if nobody can tell."""
        held = await self.runs.list_held(plan.tenant, plan.run)
        try:
            gone, problems = await self._confirm(plan, held)
        except NeedsAttention as error:
            return _held_outcome(held, (*run.problems, _unasked(error)))
        await self._deactivate_all(plan, gone, actor=decision.by)
        return RunOutcome(state=RunState.DONE, problems=problems)

    async def _deactivate_all(
        self,
        plan: Plan,
        leaving: Mapping[LocationId, Sequence[Candidate]],
        *,
        actor: str,
        results: Mapping[LocationId, ReconcileResult] | None = None,
    ) -> None:
        """Deactivate them. With `results`, locations whose candidates are all among them are settled afterwards."""
        for location, people in leaving.items():
            if people:
                result = results[location] if results else None
                settled = result if result is not None and _all_gone(result, people) else None
                await self._deactivate(plan, location, people, actor, settled)

    async def _confirm(
        self, plan: Plan, asked: Mapping[LocationId, Sequence[Candidate]]
    ) -> tuple[dict[LocationId, tuple[Candidate, ...]], tuple[Problem, ...]]:
        """Ask the directory about every candidate; one that cannot be confirmed stays a recipient, with a problem."""
        if not asked:
            return {}, ()
        gone: dict[LocationId, tuple[Candidate, ...]] = {}
        problems = []
        async with self.access.open_for_run(plan, await self.stages.require_current(plan)) as directory:
            known: dict[tuple[str, ...], dict[ObjectId, Existence]] = {}
            for location, candidates in sorted(asked.items()):
                feeds = plan.locations[location]
                if not feeds:  # nothing is mapped any more, so there is nothing to ask
                    gone[location] = tuple(candidates)
                    continue
                asked_before = known.setdefault(feeds, {})
                await self._ask(plan, directory, feeds, candidates, asked_before)
                found = await self._placed(plan, directory, location, candidates, asked_before)
                gone[location] = confirmed(candidates, found, plan.preferences)
                unknown = sum(found[each.object_id] is Existence.UNKNOWN for each in candidates)
                if unknown:
                    problems.append(_unconfirmed(location, unknown))
        return gone, tuple(problems)

    @staticmethod
    async def _ask(
        plan: Plan,
        directory: Directory,
        feeds: tuple[str, ...],
        candidates: Sequence[Candidate],
        found: dict[ObjectId, Existence],
    ) -> None:
        """Add to `found` whoever it does not hold yet: in full mode all locations lose the same people."""
        people = [each.object_id for each in candidates if each.object_id not in found]
        if people:
            groups = [source for name, source in plan.sources.items() if name in feeds and source.group is not None]
            found.update(await directory.check_existence(people, groups))
            for person in people:
                found.setdefault(person, Existence.UNKNOWN)

    @staticmethod
    async def _placed(
        plan: Plan,
        directory: Directory,
        location: LocationId,
        candidates: Sequence[Candidate],
        found: dict[ObjectId, Existence],
    ) -> dict[ObjectId, Existence]:
        """Return what was found out, and where a location rule feeds the location, what it makes of each person now."""
        rule, feeds = plan.preferences.rule, plan.locations[location]
        if rule is None or plan.everyone not in feeds:
            return found
        people = sorted({each.object_id for each in candidates})
        live = {each.id: each for each in await directory.users_by_id(people)}
        mine = {person: found[person] for person in people}
        return placed(mine, live, rule, location, grouped=len(feeds) > 1)

    async def _losses(
        self,
        plan: Plan,
        results: Mapping[LocationId, ReconcileResult],
        leaving: Mapping[LocationId, tuple[Candidate, ...]],
    ) -> list[Loss]:
        if not leaving:
            return []
        now = self.clock.now()
        day: Counter[LocationId] = Counter()
        week: Counter[LocationId] = Counter()
        async for run in self.runs.list_runs(plan.tenant, since=now - _WEEK):
            if run.id == plan.run or run.decision is not None or run.preview or run.kind is not RunKind.SYNC:
                continue  # what a person has decided is no drip, and what was only previewed did not happen
            lost = {location: report.counts.deactivated for location, report in run.locations.items()}
            week.update(lost)
            if run.requested_at >= now - _DAY:
                day.update(lost)
        return [
            Loss(
                location=location,
                baseline=result.baseline,
                candidates=len(leaving.get(location, ())) + result.unnamed_candidates,
                day=day[location],
                week=week[location],
            )
            for location, result in results.items()
        ]

    async def _deactivate(
        self,
        plan: Plan,
        location: LocationId,
        people: Sequence[Candidate],
        actor: str,
        settled: ReconcileResult | None,
    ) -> None:
        before = await self.recipients.find_irregular(plan.tenant, location) if settled is not None else None
        fenced = await FencedWriter.acquire(
            self.recipients, plan.tenant, location, fencing_token=plan.fencing_token, attempt=self.ids.new_attempt_id()
        )
        await self.stages.require_current(plan)
        stored = await self._stored(plan, location, {each.recipient for each in people})
        await fenced.write(deactivations(people, stored), run=plan.run, actor=actor, at=self.clock.now())
        if settled is not None:
            known = before is not None and before.attempt == fenced.previous.attempt
            irregular = {*before.recipients, *(each.recipient for each in people)} if known and before else None
            active = settled.active - len(people)
            await fenced.commit_fingerprint(
                input_fingerprint=settled.input_fingerprint, active=active, irregular=irregular
            )

    async def _stored(
        self, plan: Plan, location: LocationId, wanted: Collection[RecipientId]
    ) -> dict[RecipientId, Recipient]:
        """Return those of the recipients who are there: read one by one if they are few."""
        if len(wanted) > _MAX_READ:
            every = self.recipients.list_recipients(plan.tenant, location)
            return {recipient.id: recipient async for recipient in every if recipient.id in wanted}
        found = {}
        for each in sorted(wanted):
            with suppress(NotFound):
                found[each] = await self.recipients.get(plan.tenant, location, each)
        return found


def _all_gone(result: ReconcileResult, people: Sequence[Candidate]) -> bool:
    """Tell whether these are all the candidates, of a location that was read completely."""
    return (
        result.input_fingerprint is not None and not result.unnamed_candidates and len(people) == len(result.candidates)
    )


def _held_outcome(held: Mapping[LocationId, Sequence[Candidate]], problems: tuple[Problem, ...]) -> RunOutcome:
    return RunOutcome(
        state=RunState.HELD,
        held={location: len(people) for location, people in held.items()},
        held_digest=digest((location, person) for location, people in held.items() for person in people),
        problems=problems,
    )


def _unasked(error: NeedsAttention) -> Problem:
    return Problem(concerns="deactivate", code=error.code, detail=str(error))


def _would_hold(breach: Breach) -> Problem:
    detail = f"{breach.detail}. This exceeds the deactivation limit, so a sync would wait for approval."
    return Problem(concerns=breach.location or "tenant", code=_GUARD, detail=detail)


def _held(location: LocationId | None, detail: str) -> Problem:
    return Problem(
        concerns=location or "tenant",
        code=_GUARD,
        detail=f"{detail}. This exceeds the deactivation limit; the deactivations wait for approval.",
    )


def _unconfirmed(location: LocationId, people: int) -> Problem:
    return Problem(
        concerns=location,
        code="unconfirmed",
        detail=f"The directory could not confirm that {people} people left. They stay active until a later sync.",
    )
