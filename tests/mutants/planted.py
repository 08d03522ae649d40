"""The defects, and what finds each of them."""

from dataclasses import dataclass
from typing import Final

#: Found by an invariant in histories, not by a test.
SIMULATION: Final = "simulation"

_SYNC: Final = "shared/workflows/sync"
_RECONCILE: Final = "shared/domain/reconcile"
_SIMULATED: Final = "tests/simulation"
_UNIT: Final = "tests/unit/domain"
_HTTP: Final = "tests/integration/http"


@dataclass(frozen=True)
class Mutant:
    """A defect: `old`, which the file has exactly once, is replaced by `new`. `found_by` is a test, or SIMULATION."""

    name: str
    file: str
    old: str
    new: str
    found_by: str


PLANTED: Final = (
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
        f"{_SIMULATED}/test_history_is_journal.py",
    ),
    Mutant(
        "no second look at the tenant's state after the fence was acquired",
        f"{_SYNC}/run_writer.py",
        "await self.stages.require_current(plan)",
        "pass",
        SIMULATION,
    ),
    Mutant(
        "a run that lost the tenant goes on",
        f"{_SYNC}/stages.py",
        'raise Superseded(f"Run {plan.run} is no longer the active run of {plan.tenant}.", code="superseded")',
        "pass",
        SIMULATION,
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
        SIMULATION,
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
        f"{_SIMULATED}/test_lost_answers.py",
    ),
    Mutant(
        "the write of another is taken for the own",
        "shared/adapters/tables/versions.py",
        'if own not in found.split(","):',
        "if False:",
        f"{_SIMULATED}/test_requests_at_once.py",
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
        "if etag is None or fence.fencing_token >= fencing_token:",
        "if True:",
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
        f"{_SIMULATED}/test_changes_only.py",
    ),
    Mutant(
        "changes are compared alone although a manager or rule counts",
        f"{_SYNC}/reconcile.py",
        "len(sources) != 1 or preferences.rule is not None or preferences.attributes.manager",
        "len(sources) != 1",
        f"{_SIMULATED}/test_managers.py",
    ),
    Mutant(
        "changes are compared alone although files and people added recipients",
        f"{_SYNC}/reconcile.py",
        "or depends_on_others or not fence.only_directory:",
        "or depends_on_others:",
        f"{_SIMULATED}/test_histories.py",
    ),
    Mutant(
        "a location is up to date although candidates are left",
        f"{_SYNC}/reconcile.py",
        "input_fingerprint=fingerprint if result.is_up_to_date else None",
        "input_fingerprint=fingerprint",
        f"{_SIMULATED}/test_held.py",
    ),
    Mutant(
        "candidates of a damaged location count",
        f"{_SYNC}/reconcile.py",
        "            totals.drop_candidates()\n",
        "            pass\n",
        f"{_SIMULATED}/test_snapshots.py::test_a_damaged_partition_makes_nobody_leave",
    ),
    # The proof of absence and the guard -------------------------------------------------------------------------------
    Mutant(
        "absence is concluded from an inconclusive listing",
        f"{_RECONCILE}/absence.py",
        "if connection_of(source) != connection or (source in read and not read[source].conclusive):",
        "if connection_of(source) != connection:",
        f"{_SIMULATED}/test_opaque_ids.py",
    ),
    Mutant(
        "absence is concluded although a source was not read",
        f"{_RECONCILE}/absence.py",
        "proof.accounts = not all(source in read for source in source_ids)",
        "proof.accounts = False",
        f"{_SIMULATED}/test_runs.py",
    ),
    Mutant(
        "the existence check proves what it does not know",
        f"{_RECONCILE}/departures.py",
        "    Existence.NOT_IN_SOURCE: Reason.LEFT_GROUP,\n",
        "    Existence.NOT_IN_SOURCE: Reason.LEFT_GROUP,\n    Existence.UNKNOWN: Reason.LEFT_GROUP,\n",
        f"{_UNIT}/reconcile/test_departures.py",
    ),
    Mutant(
        "the guard without its window of a day",
        f"{_RECONCILE}/guard.py",
        'return ("", 0), ("24 hours", day), ("7 days", week)',
        'return ("", 0), ("7 days", week if week > day else 0)',
        f"{_UNIT}/reconcile/test_guard.py",
    ),
    Mutant(
        "the guard without its window of a week",
        f"{_RECONCILE}/guard.py",
        'return ("", 0), ("24 hours", day), ("7 days", week)',
        'return ("", 0), ("24 hours", day)',
        f"{_UNIT}/reconcile/test_guard.py",
    ),
    Mutant(
        "a location may lose everyone",
        f"{_RECONCILE}/guard.py",
        "if gone >= baseline or small or",
        "if small or",
        f"{_UNIT}/reconcile/test_guard.py",
    ),
    Mutant(
        "the limits of the guard need only one of share and number",
        f"{_RECONCILE}/guard.py",
        "return candidates > limits.max_people and candidates > limits.max_share * baseline",
        "return candidates > limits.max_people and candidates > 0",
        f"{_UNIT}/reconcile/test_guard.py",
    ),
    Mutant(
        "an approval is bound to the number of people only",
        f"{_RECONCILE}/guard.py",
        'hash_.update(f"{separator}{location} {recipient}".encode())',
        'hash_.update(b"1")',
        f"{_UNIT}/reconcile/test_departures.py",
    ),
    Mutant(
        "imports do not count in the windows of the guard",
        "shared/workflows/recipients/recent_losses.py",
        "run.kind in {RunKind.SYNC, RunKind.IMPORT}",
        "run.kind is RunKind.SYNC",
        f"{_SIMULATED}/test_recent_losses.py",
    ),
    # Ownership --------------------------------------------------------------------------------------------------------
    Mutant(
        "a sync deactivates recipients of files",
        f"{_RECONCILE}/departures.py",
        "recipient is None or recipient.origin is not origin or recipient.status is not Status.ACTIVE",
        "recipient is None or recipient.status is not Status.ACTIVE",
        "tests/properties",
    ),
    Mutant(
        "a sync updates recipients of files although it may not",
        f"{_RECONCILE}/decide.py",
        "if recipient.origin is not Origin.DIRECTORY and not preferences.allow_directory_to_update_csv:",
        "if False:",
        f"{_UNIT}/reconcile/test_rules.py",
    ),
    Mutant(
        "a sync reactivates people who were deactivated by hand",
        f"{_RECONCILE}/decide.py",
        "returns = recipient.status is Status.DEACTIVATED_BY_SYNC",
        "returns = recipient.status is not Status.ACTIVE",
        f"{_UNIT}/reconcile/test_rules.py",
    ),
    Mutant(
        "what a person wrote is overwritten",
        f"{_RECONCILE}/decide.py",
        "and (recipient.last_applied is None or value != getattr(recipient.last_applied, name))",
        "",
        f"{_UNIT}/reconcile/test_decide.py",
    ),
    Mutant(
        "undo overwrites newer changes",
        "shared/workflows/recipients/undo.py",
        "newer = await self.recipients.list_changed_after(self.tenant, self.location, self.run)",
        "newer = set()",
        f"{_SIMULATED}/test_undo_order.py",
    ),
    Mutant(
        "a manual change is written during a sync",
        "shared/workflows/recipients/fenced_writer.py",
        "if (current.active_run, current.fencing_token) != (None, state.fencing_token):",
        "if False:",
        SIMULATION,
    ),
    # Reading ----------------------------------------------------------------------------------------------------------
    Mutant(
        "a link to another host is followed",
        "shared/adapters/entra/links.py",
        "        expected.hostname,\n        expected.port or _HTTPS,",
        "        actual.hostname,\n        expected.port or _HTTPS,",
        "tests/unit/adapters/entra/test_links.py",
    ),
    # Imports, limits and the emergency stop ---------------------------------------------------------------------------
    Mutant(
        "a newer import overtakes an older one",
        "shared/workflows/imports/order.py",
        "if any(other.state.is_running and other not in newer for other in others):",
        "if False:",
        f"{_SIMULATED}/test_import_order.py",
    ),
    Mutant(
        "an import overwrites what was edited since its start",
        "shared/workflows/imports/file_import.py",
        "if wanted.since is not None:",
        "if False:",
        f"{_SIMULATED}/test_import_order.py",
    ),
    Mutant(
        "a run is continued without a limit",
        f"{_SYNC}/repeat_limit.py",
        "if spent.messages <= self.max_messages and spent.requests <= self.max_requests:",
        "if True:",
        f"{_SIMULATED}/test_bounded_work.py",
    ),
    Mutant(
        "a pause leaves the fences to their holders",
        f"{_SYNC}/emergency_stop.py",
        "await self._take_fence(tenant, location.id)",
        "pass",
        f"{_SIMULATED}/test_emergency_stop.py",
    ),
    # Erasure, secrets and access --------------------------------------------------------------------------------------
    Mutant(
        "an erasure forgets the uploads",
        "shared/bootstrap/tenants.py",
        "            ports.imports,\n            ports.recipients,\n",
        "            ports.recipients,\n",
        "tests/integration/http/test_erasure.py",
    ),
    Mutant(
        "an erasure forgets the snapshots",
        "shared/bootstrap/tenants.py",
        "            ports.snapshots,\n            ports.runs,\n",
        "            ports.runs,\n",
        "tests/integration/http/test_erasure.py",
    ),
    Mutant(
        "an erasure leaves the secret in the vault",
        "shared/workflows/connections/connect.py",
        "        await self.connections.delete(tenant, version)\n        await self.entries.delete_unused(tenant)\n",
        "        await self.connections.delete(tenant, version)\n",
        "tests/unit/workflows/connections/test_connect.py",
    ),
    Mutant(
        "an erased secret is read from the cache",
        "shared/adapters/key_vault.py",
        "        self._forget(name)\n        with _translated():\n",
        "        with _translated():\n",
        "tests/contracts/ports/secret_store",
    ),
    Mutant(
        "a change is made that the audit log cannot record",
        "shared/triggers/http/framework/recording.py",
        "    begun = await product.audit.begin(asked)\n    trail = request.trail\n    try:\n",
        "    trail = request.trail\n    try:\n        begun = await product.audit.begin(asked)\n    except SyncError:\n"
        "        return await handler(request)\n    try:\n",
        "tests/integration/http/test_audit.py",
    ),
    Mutant(
        "the erasure of a person leaves former values in the journal",
        "shared/domain/erasure/values.py",
        "value = Change(kind=value.kind, reason=value.reason)",
        "value = Change(kind=value.kind, reason=value.reason, before=value.before)",
        f"{_SIMULATED}/test_erase_person.py",
    ),
    Mutant(
        "a held set without an erased person keeps its digest",
        "shared/adapters/stores/erasure_rows.py",
        "held_digest=digest(people), locations=reports",
        "locations=reports",
        f"{_SIMULATED}/test_erase_person.py",
    ),
    Mutant(
        "the role Operator counts from any Azure tenant",
        "shared/domain/access/callers.py",
        "operator_tenant is not None and person.azure_tenant_id == operator_tenant",
        "operator_tenant is not None",
        "tests/integration/http/test_access.py",
    ),
    Mutant(
        "an admin of one tenant may use another",
        "shared/domain/access/callers.py",
        "return admins is not None and admins.include(caller)",
        "return True",
        "tests/integration/http/test_access.py",
    ),
    Mutant(
        "a token of an application is a person",
        "shared/adapters/sign_in.py",
        "if not _is_delegated(claims):",
        "if False:",
        "tests/contracts/ports/sign_in",
    ),
    Mutant(
        "a token of any issuer is accepted",
        "shared/adapters/sign_in.py",
        'if claims["iss"] not in _issuers(tenant, settings.login, key.issuer):',
        "if False:",
        "tests/contracts/ports/sign_in",
    ),
    Mutant(
        "a named key that expired is accepted",
        "shared/domain/access/named_keys.py",
        " and now < self.expires_at",
        "",
        "tests/unit/domain/access/test_named_keys.py",
    ),
    Mutant(
        "a named key opens every tenant",
        "shared/domain/access/callers.py",
        "return self.tenants is None or tenant in self.tenants",
        "return True",
        f"{_HTTP}/test_named_keys.py::test_a_deleted_tenant_is_taken_out_of_its_keys",
    ),
    Mutant(
        "guesses of all callers count together",
        "shared/workflows/connections/validate.py",
        'return f"{allowance_of(self.caller, self.tenant)}>{directory}"',
        "return directory",
        f"{_HTTP}/test_limits_of_callers.py::test_failures_of_one_caller_leave_all_others_their_allowance",
    ),
)
