"""Defects of the protocol and of snapshots."""

from typing import Final

from tests.mutants.mutant import SIMULATION, Mutant

_SYNC: Final = "shared/workflows/sync"
_SIMULATED: Final = "tests/simulation"

PROTOCOL: Final = (
    # The protocol -----------------------------------------------------------------------------------------------------
    Mutant(
        "an older run takes the fence of a newer one",
        "shared/workflows/recipients/fenced_writer.py",
        "if fence.fencing_token > fencing_token:",
        "if False:",
        SIMULATION,
    ),
    Mutant(
        "a batch that lost the fence is repeated under the new one",
        "shared/workflows/recipients/fenced_writer.py",
        "if (stored.value.attempt, stored.value.fencing_token) != (fence.attempt, fence.fencing_token):",
        "if False:",
        f"{_SIMULATED}/test_history_is_journal.py::test_a_run_that_ends_early_is_in_the_history",
    ),
    Mutant(
        "no second look at the tenant's state after the fence was acquired",
        f"{_SYNC}/run_writer.py",
        "await self.stages.require_current(plan)",
        "pass",
        f"{_SIMULATED}/test_emergency_stop.py::test_a_pause_at_any_point",
    ),
    Mutant(
        "a run that lost the tenant goes on",
        f"{_SYNC}/stages.py",
        'raise Superseded(f"Run {plan.run} is no longer the active run of {plan.tenant}.", code="superseded")',
        "pass",
        "tests/integration/triggers/test_queues.py::test_work_of_an_old_run_is_dropped",
    ),
    Mutant(
        "a redelivery does not enqueue what is missing",
        f"{_SYNC}/stages.py",
        "if repeated is not None and _STAGES.index(state) > _STAGES.index(repeated):",
        "if False:",
        f"{_SIMULATED}/test_redelivery.py::test_killed_at_every_call_and_delivered_again",
    ),
    Mutant(
        "a stage is complete although a source was not read",
        f"{_SYNC}/stages.py",
        "return [source for source in plan.sources if source not in fetched]",
        "return [source for source in plan.sources if not fetched]",
        f"{_SIMULATED}/test_runs.py::test_a_lost_job_is_enqueued_again_although_others_have_results",
    ),
    Mutant(
        "a stage is complete although a location was not compared",
        f"{_SYNC}/stages.py",
        "return [location for location in plan.locations if location not in reconciled]",
        "return [location for location in plan.locations if not reconciled]",
        SIMULATION,
    ),
    Mutant(
        "an own write is taken for that of another",
        "shared/adapters/tables/versions.py",
        'if own not in found.split(","):',
        "if True:",
        f"{_SIMULATED}/test_lost_answers.py::test_a_lost_answer_changes_nothing",
    ),
    Mutant(
        "the write of another is taken for the own",
        "shared/adapters/tables/versions.py",
        'if own not in found.split(","):',
        "if False:",
        "tests/unit/adapters/tables/test_versions.py::test_later_writers_do_not_hide_a_write",
    ),
    Mutant(
        "a run that was announced and not stored is forgotten",
        f"{_SYNC}/watchdog.py",
        "if self._age_s(state, requested_at(run)) >= self.deadline_s:",
        "if True:",
        SIMULATION,
    ),
    Mutant(
        "a job that is given up reports nothing of what it wrote",
        "shared/workflows/operations/dead_letters.py",
        "counts = await self.recipients.get_journal_counts(job.tenant, job.location, job.run)",
        "counts = Counts()",
        SIMULATION,
    ),
    Mutant(
        "no fence is raised when settings change",
        f"{_SYNC}/restart_on_change.py",
        "if etag is not None and fence.fencing_token >= fencing_token:",
        "if True:",
        f"{_SIMULATED}/test_interrupted_changes.py::test_an_interrupted_change_is_completed",
    ),
    Mutant(
        "a change of settings does not end the run that it supersedes",
        f"{_SYNC}/restart_on_change.py",
        "            runs=(*earlier.runs, *([active] if active else ()), *lost),",
        "            runs=(*earlier.runs, *lost),",
        SIMULATION,
    ),
    Mutant(
        "a run that was ended before it was stored can be stored afterwards",
        f"{_SYNC}/restart_on_change.py",
        "            await self.runs.discard(tenant, obsolete.run)",
        "            pass",
        SIMULATION,
    ),
    Mutant(
        "a deleted tenant is forgotten before late writers have ended",
        "shared/workflows/tenants/deletion.py",
        "SETTLED_AFTER: Final = timedelta(minutes=15)",
        "SETTLED_AFTER: Final = timedelta(0)",
        SIMULATION,
    ),
    # Snapshots --------------------------------------------------------------------------------------------------------
    Mutant(
        "a partition counts whatever its bytes are",
        "shared/domain/snapshots/snapshot.py",
        "if hashlib.sha256(encoded).digest() != self.partitions[number].digest:",
        "if False:",
        f"{_SIMULATED}/test_snapshots.py::test_a_damaged_partition_makes_nobody_leave",
    ),
    Mutant(
        "a location is compared incrementally with another snapshot than its fence names",
        f"{_SYNC}/reconcile.py",
        "before is None or fence.input_fingerprint != before",
        "before is None",
        f"{_SIMULATED}/test_histories.py::test_a_random_history",
    ),
    Mutant(
        "changes are compared alone although a manager or rule counts",
        f"{_SYNC}/reconcile.py",
        "len(sources) != 1 or preferences.rule is not None or preferences.attributes.manager",
        "len(sources) != 1",
        f"{_SIMULATED}/test_managers.py::test_a_change_is_found",
    ),
    Mutant(
        "changes are compared alone although files and people added recipients",
        f"{_SYNC}/reconcile.py",
        "or depends_on_others or not fence.only_directory:",
        "or depends_on_others:",
        f"{_SIMULATED}/test_histories.py::test_a_random_history",
    ),
    Mutant(
        "a location is up to date although candidates are left",
        f"{_SYNC}/reconcile.py",
        "input_fingerprint=fingerprint if result.is_up_to_date else None",
        "input_fingerprint=fingerprint",
        f"{_SIMULATED}/test_held.py::test_what_a_failed_run_found_is_found_again",
    ),
    Mutant(
        "candidates of a damaged location count",
        f"{_SYNC}/reconcile.py",
        "            totals.drop_candidates()\n",
        "            pass\n",
        f"{_SIMULATED}/test_snapshots.py::test_a_damaged_partition_makes_nobody_leave",
    ),
    # Imports, limits and the emergency stop ---------------------------------------------------------------------------
    Mutant(
        "a newer import overtakes an older one",
        "shared/workflows/imports/order.py",
        "if any(other.state.is_running and other not in newer for other in others):",
        "if False:",
        f"{_SIMULATED}/test_import_order.py::test_a_newer_import_waits_for_the_older_one",
    ),
    Mutant(
        "an import overwrites what was edited since its start",
        "shared/workflows/imports/file_import.py",
        "if wanted.since is not None:",
        "if False:",
        f"{_SIMULATED}/test_import_order.py::test_an_edit_after_the_start_stays",
    ),
    Mutant(
        "a change that is given up stays open to its worker",
        "shared/workflows/recipients/manual_changes.py",
        "if change.problems:",
        "if False:",
        f"{_SIMULATED}/test_history_is_journal.py::test_a_worker_that_goes_on_while_it_is_given_up_writes_nothing",
    ),
    Mutant(
        "a deactivation writes although another delivery has claimed the run",
        f"{_SYNC}/run_writer.py",
        "if run.claim != claim:",
        "if False:",
        f"{_SIMULATED}/test_history_is_journal.py::test_a_deactivation_that_goes_on_while_another_is_counted_writes_nothing",
    ),
    Mutant(
        "a run is continued without a limit",
        f"{_SYNC}/repeat_limit.py",
        "if spent.messages <= self.max_messages and spent.requests <= self.max_requests:",
        "if True:",
        f"{_SIMULATED}/test_bounded_work.py::test_a_run_that_waits_too_often_ends",
    ),
    Mutant(
        "a pause leaves the fences to their holders",
        f"{_SYNC}/emergency_stop.py",
        "await self._take_fence(tenant, location.id)",
        "pass",
        f"{_SIMULATED}/test_emergency_stop.py::test_a_pause_at_any_point",
    ),
)
