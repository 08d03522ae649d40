"""Deactivate: verifies a run's candidates in the directory, checks the guard, then deactivates or holds them."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from shared.domain.ids import LocationId, RecipientId
from shared.domain.problem import Problem
from shared.domain.recipient import Recipient
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.departures import deactivations
from shared.domain.reconcile.fence import SYNC
from shared.domain.reconcile.guard import Loss, breaches, digest, held_problem, would_hold
from shared.domain.retry_policy import CONTENDED, DELAYED, INTERRUPTED, LOGIN_REFUSED, REFUSED
from shared.domain.run import HeldDecision, Plan, Run, RunState
from shared.domain.sync.jobs import BUDGET_SHARE, DeactivateJob, ReconcileResult
from shared.domain.sync.run_outcome import RunOutcome
from shared.errors import (
    Contended,
    NeedsAttention,
    NotFound,
    RefusedOnce,
    RequestRefused,
    Superseded,
    SyncError,
    Transient,
)
from shared.ports.platform import Clock, IdSource
from shared.ports.queues import JobSender
from shared.ports.recipients import RecipientStore
from shared.ports.runs import RunStore
from shared.telemetry import RequestCounters, event
from shared.workflows.recipients.recent_losses import RecentLosses
from shared.workflows.sync.departure_check import DepartureCheck
from shared.workflows.sync.finish import RunCloser
from shared.workflows.sync.relinking import Relinking
from shared.workflows.sync.resumable_check import ResumableCheck
from shared.workflows.sync.run_writer import RunWriter
from shared.workflows.sync.stages import EARLIER, StageCoordinator, too_early

#: Maximum number of recipients that are read one by one. For more, listing the whole location is cheaper.
_MAX_READ: Final = 20


class Deactivate(msgspec.Struct, frozen=True, kw_only=True):
    """Deactivates the confirmed candidates of a run, or holds all of them, and finishes the run."""

    runs: RunStore
    recipients: RecipientStore
    writer: RunWriter
    recent_losses: RecentLosses
    departure_check: DepartureCheck
    relinking: Relinking
    stages: StageCoordinator
    closer: RunCloser
    queue: JobSender
    clock: Clock
    ids: IdSource
    budget_s: float

    async def __call__(self, job: DeactivateJob, counters: RequestCounters) -> None:
        """Deactivate or hold the confirmed candidates, and finish the run. An approved run deactivates what it held.

        A redelivery deactivates no recipient twice. Of deliveries that overlap, the one that claims the run last writes
        and ends it. If the directory refuses the connection, the run finishes without deactivations, and an approved
        run is held again. A refused request is tried once more by a later message. If the directory interrupts the
        check, or its time is up, a later message continues after the answers so far.

        Raises:
            Superseded: The run no longer owns the tenant.
            Rejected: The run has not come to its deactivations.
            Transient: The directory did not respond, or another job of the run came first (Contended).
        """
        plan = await self.stages.current_plan(job.tenant, job.run)
        run = (await self.stages.stored_run(job.tenant, job.run)).value
        if run.state in EARLIER:
            raise too_early(job.run)
        if run.state.ended:  # by a delivery that did not come to release the tenant
            await self.closer.finish(plan, RunOutcome(state=run.state), None, counters)
            return
        stored = [await self.runs.find_answers(plan.tenant, plan.run, attempt) for attempt in job.answers]
        check = ResumableCheck(self.clock, BUDGET_SHARE * self.budget_s, [answers for answers in stored if answers])
        try:
            if run.decision is not None:
                outcome, claim = await self._approved(job, plan, run, run.decision, check)
            else:
                outcome, claim = await self._guarded(job, plan, run, check)
            await self.closer.finish(plan, outcome, claim, counters)
        except (RequestRefused, RefusedOnce, Transient) as error:
            await self._continue(job, check, error)
        except Superseded as error:
            await self.stages.require_current(plan)
            wait_s = CONTENDED.first_wait_s
            raise Contended("Another job of the run came first.", retry_after_s=wait_s) from error

    async def _continue(self, job: DeactivateJob, check: ResumableCheck, error: SyncError) -> None:
        """Enqueue a message that continues the job after an interruption of its check, whose answers are stored.

        Raises the `error` if it is Transient and came before any answer.
        """
        if isinstance(error, Transient) and not check.has_progress:
            raise error
        if check.has_progress:
            stored = self.ids.new_attempt_id()
            await self.runs.record_answers(job.tenant, job.run, stored, check.new)
            job = job.after_answers(stored)
        delay_s = INTERRUPTED.first_wait_s
        if isinstance(error, RefusedOnce):
            job, delay_s = msgspec.structs.replace(job, login_refused_at=error.since), LOGIN_REFUSED.first_wait_s
        elif isinstance(error, RequestRefused):
            job, delay_s = msgspec.structs.replace(job, refused=True), REFUSED.first_wait_s
        elif isinstance(error, Transient) and error.retry_after_s is not None:
            delay_s = min(error.retry_after_s, DELAYED.max_wait_s)
        event("check_continues", tenant=job.tenant, run=job.run, code=error.code, seconds=delay_s)
        await self.queue.send([job], delay_s=delay_s)

    async def _guarded(self, job: DeactivateJob, plan: Plan, run: Run, check: ResumableCheck) -> tuple[RunOutcome, str]:
        """Deactivate the confirmed candidates of all locations, or hold them all. Return the outcome and the claim."""
        results = await self.runs.list_reconcile_results(plan.tenant, plan.run)
        candidates = {location: result.candidates for location, result in results.items() if result.candidates}
        relinks = {location: result.relinks for location, result in results.items() if result.relinks}
        try:
            departures, problems = await self.departure_check(plan, candidates, check)
            relinked, unanswered = await self.relinking.decide(plan, relinks, check)
            problems += unanswered
        except NeedsAttention as error:
            departures, relinked, problems = {}, {}, (_unverified(error, job, check),)
        claim = await self.writer.claim(run)
        for location, writes in relinked.items():
            await self.relinking.write(plan, location, writes, claim)
        leaving = {location: people for location, people in departures.items() if people}
        exceeded = breaches(await self._losses(plan, results, leaving), plan.preferences.guard)
        if plan.preview:
            problems = (*problems, *(would_hold(breach) for breach in exceeded))
            return await self._previewed(plan, leaving, problems), claim
        if not exceeded:
            await self._deactivate_all(plan, leaving, claim, actor=SYNC, results=results)
            fully_deactivated = {
                location for location, people in leaving.items() if _are_all_candidates(results[location], people)
            }
            done = RunOutcome(state=RunState.DONE, problems=problems, fully_deactivated=frozenset(fully_deactivated))
            return done, claim
        event("held", tenant=plan.tenant, run=plan.run, people=sum(map(len, leaving.values())))
        for location, people in leaving.items():
            await self.runs.record_held(plan.tenant, plan.run, location, people)
        # Also what an earlier delivery has stored: an approval deactivates all of it.
        held = await self.runs.list_held(plan.tenant, plan.run)
        return _held_outcome(held, (*problems, *(held_problem(breach) for breach in exceeded))), claim

    async def _previewed(
        self, plan: Plan, leaving: Mapping[LocationId, Sequence[Candidate]], problems: tuple[Problem, ...]
    ) -> RunOutcome:
        """Record the deactivations that a sync would make, without making them."""
        previewed = {}
        for location, people in leaving.items():
            previewed[location] = len(await self.runs.record_held(plan.tenant, plan.run, location, people))
        return RunOutcome(state=RunState.DONE, problems=problems, previewed=previewed)

    async def _approved(
        self, job: DeactivateJob, plan: Plan, run: Run, decision: HeldDecision, check: ResumableCheck
    ) -> tuple[RunOutcome, str]:
        """Deactivate the recipients that the run holds, except people who have returned since.

        If the directory refuses the connection, or the set is not the approved one any more, the run is held again.
        Returns the outcome and the claim.
        """
        held = await self.runs.list_held(plan.tenant, plan.run)
        held_again = _held_outcome(held, run.problems)
        if held_again.held_digest != run.held_digest:  # another delivery has held more people after it was approved
            return held_again, await self.writer.claim(run)
        try:
            departures, problems = await self.departure_check(plan, held, check)
        except NeedsAttention as error:
            problems = (*run.problems, _unverified(error, job, check))
            return msgspec.structs.replace(held_again, problems=problems), await self.writer.claim(run)
        claim = await self.writer.claim(run)
        await self._deactivate_all(plan, departures, claim, actor=decision.by)
        return RunOutcome(state=RunState.DONE, problems=problems), claim

    async def _deactivate_all(
        self,
        plan: Plan,
        leaving: Mapping[LocationId, Sequence[Candidate]],
        claim: str,
        *,
        actor: str,
        results: Mapping[LocationId, ReconcileResult] | None = None,
    ) -> None:
        """Deactivate the people of all locations.

        With `results`, a location whose candidates are all deactivated also gets its input fingerprint.
        """
        for location, people in leaving.items():
            if people:
                result = results[location] if results else None
                completed = result if result is not None and _are_all_candidates(result, people) else None
                await self._deactivate(plan, location, people, claim, actor, completed)

    async def _losses(
        self,
        plan: Plan,
        results: Mapping[LocationId, ReconcileResult],
        leaving: Mapping[LocationId, tuple[Candidate, ...]],
    ) -> list[Loss]:
        if not leaving:
            return []
        recent = await self.recent_losses.count(plan.tenant, results.keys(), plan.run)
        return [
            Loss(
                location=location,
                baseline=result.baseline,
                candidates=len(leaving.get(location, ())) + result.unnamed_candidates,
                day=recent[location].day,
                week=recent[location].week,
            )
            for location, result in results.items()
        ]

    async def _deactivate(
        self,
        plan: Plan,
        location: LocationId,
        people: Sequence[Candidate],
        claim: str,
        actor: str,
        completed: ReconcileResult | None,
    ) -> None:
        """Deactivate people of one location. If they `completed` its candidates, commit the input fingerprint."""
        fenced = await self.writer.acquire(plan, location, claim)
        stored = await self._stored(plan, location, {candidate.recipient for candidate in people})
        await fenced.write(deactivations(people, stored), run=plan.run, actor=actor, at=self.clock.now())
        if completed is not None:
            await fenced.commit_fingerprint(
                input_fingerprint=completed.input_fingerprint,
                active=completed.active - len(people),
                only_directory=fenced.previous.only_directory,
            )

    async def _stored(
        self, plan: Plan, location: LocationId, ids: Collection[RecipientId]
    ) -> dict[RecipientId, Recipient]:
        """Return the stored recipients with these ids; up to `_MAX_READ` are read one by one."""
        if len(ids) > _MAX_READ:
            recipients = self.recipients.list_recipients(plan.tenant, location)
            return {recipient.id: recipient async for recipient in recipients if recipient.id in ids}
        stored = {}
        for id_ in sorted(ids):
            with suppress(NotFound):
                stored[id_] = await self.recipients.get(plan.tenant, location, id_)
        return stored


def _are_all_candidates(result: ReconcileResult, people: Sequence[Candidate]) -> bool:
    """Return whether the location was read completely and these are all of its candidates."""
    is_complete = result.input_fingerprint is not None and not result.unnamed_candidates and not result.relinks
    return is_complete and len(people) == len(result.candidates)


def _held_outcome(held: Mapping[LocationId, Sequence[Candidate]], problems: tuple[Problem, ...]) -> RunOutcome:
    return RunOutcome(
        state=RunState.HELD,
        held={location: len(people) for location, people in held.items()},
        held_digest=digest((location, person) for location, people in held.items() for person in people),
        problems=problems,
    )


def _unverified(error: NeedsAttention, job: DeactivateJob, check: ResumableCheck) -> Problem:
    """Return the problem of a refused check. Raises `error` if it is the first refusal since there were answers."""
    if isinstance(error, RequestRefused) and (check.has_progress or not job.refused):
        raise error
    if isinstance(error, RefusedOnce) and (check.has_progress or job.login_refused_at is None):
        raise error
    return Problem(concerns="deactivate", code=error.code, detail=str(error))
