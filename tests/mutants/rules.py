"""Defects of the proof of absence, the guard, ownership and undo."""

from typing import Final

from tests.mutants.mutant import Mutant

_RECONCILE: Final = "shared/domain/reconcile"
_SIMULATED: Final = "tests/simulation"
_UNIT: Final = "tests/unit/domain"

RULES: Final = (
    # The proof of absence and the guard -------------------------------------------------------------------------------
    Mutant(
        "absence is concluded from an inconclusive listing",
        f"{_RECONCILE}/absence.py",
        "if connection_of(source) != connection or (source in read and not read[source].conclusive):",
        "if connection_of(source) != connection:",
        f"{_SIMULATED}/test_opaque_ids.py::test_from_an_inconclusive_listing_no_absence_is_concluded",
    ),
    Mutant(
        "absence is concluded although a source was not read",
        f"{_RECONCILE}/absence.py",
        "proof.accounts = not all(source in read for source in source_ids)",
        "proof.accounts = False",
        f"{_SIMULATED}/test_runs.py::test_a_source_that_cannot_be_read_deactivates_nobody",
    ),
    Mutant(
        "the existence check proves what it does not know",
        f"{_RECONCILE}/departures.py",
        "    Existence.NOT_IN_SOURCE: Reason.LEFT_GROUP,\n",
        "    Existence.NOT_IN_SOURCE: Reason.LEFT_GROUP,\n    Existence.UNKNOWN: Reason.LEFT_GROUP,\n",
        f"{_UNIT}/reconcile/test_departures.py::test_only_a_clear_answer_confirms_a_departure",
    ),
    Mutant(
        "the guard without its window of a day",
        f"{_RECONCILE}/guard.py",
        'return ("", 0), ("24 hours", day), ("7 days", week)',
        'return ("", 0), ("7 days", week if week > day else 0)',
        f"{_UNIT}/reconcile/test_guard.py::test_a_slow_drip_counts",
    ),
    Mutant(
        "the guard without its window of a week",
        f"{_RECONCILE}/guard.py",
        'return ("", 0), ("24 hours", day), ("7 days", week)',
        'return ("", 0), ("24 hours", day)',
        f"{_UNIT}/reconcile/test_guard.py::test_a_slow_drip_counts",
    ),
    Mutant(
        "a location may lose everyone",
        f"{_RECONCILE}/guard.py",
        "if gone >= baseline or small or",
        "if small or",
        f"{_UNIT}/reconcile/test_guard.py::test_limits",
    ),
    Mutant(
        "the limits of the guard need only one of share and number",
        f"{_RECONCILE}/guard.py",
        "return candidates > limits.max_people and candidates > limits.max_share * baseline",
        "return candidates > limits.max_people and candidates > 0",
        f"{_UNIT}/reconcile/test_guard.py::test_limits",
    ),
    Mutant(
        "an approval is bound to the number of people only",
        f"{_RECONCILE}/guard.py",
        'hash_.update(f"{separator}{location} {recipient}".encode())',
        'hash_.update(b"1")',
        f"{_UNIT}/reconcile/test_departures.py::test_an_approval_is_bound_to_the_people",
    ),
    Mutant(
        "imports do not count in the windows of the guard",
        "shared/workflows/recipients/recent_losses.py",
        "run.kind in {RunKind.SYNC, RunKind.IMPORT}",
        "run.kind is RunKind.SYNC",
        f"{_SIMULATED}/test_recent_losses.py::test_nine_overwriting_files_are_held",
    ),
    # Ownership --------------------------------------------------------------------------------------------------------
    Mutant(
        "a sync deactivates recipients of files",
        f"{_RECONCILE}/departures.py",
        "recipient is None or recipient.origin is not origin or recipient.status is not Status.ACTIVE",
        "recipient is None or recipient.status is not Status.ACTIVE",
        f"{_UNIT}/reconcile/test_departures.py::test_only_active_recipients_of_the_directory_are_deactivated",
    ),
    Mutant(
        "a sync updates recipients of files although it may not",
        f"{_RECONCILE}/decide.py",
        "if recipient.origin is not Origin.DIRECTORY and not preferences.allow_directory_to_update_csv:",
        "if False:",
        f"{_UNIT}/reconcile/test_decide.py::test_a_csv_recipient_with_the_same_address_is_left_alone_by_default",
    ),
    Mutant(
        "a sync reactivates people who were deactivated by hand",
        f"{_RECONCILE}/decide.py",
        "returns = recipient.status is Status.DEACTIVATED_BY_SYNC",
        "returns = recipient.status is not Status.ACTIVE",
        f"{_UNIT}/reconcile/test_decide.py::test_who_was_deactivated_by_hand_stays_so",
    ),
    Mutant(
        "what a person wrote is overwritten",
        f"{_RECONCILE}/decide.py",
        "and (recipient.last_applied is None or value != getattr(recipient.last_applied, name))",
        "",
        f"{_UNIT}/reconcile/test_decide.py::test_an_edit_survives_until_the_directory_changes_that_field",
    ),
    Mutant(
        "undo overwrites newer changes",
        "shared/workflows/recipients/undo.py",
        "newer = await self.recipients.list_changed_after(self.tenant, self.location, self.run)",
        "newer = set()",
        f"{_SIMULATED}/test_undo_order.py::test_a_newer_edit_stays_whatever_the_clocks_say",
    ),
    Mutant(
        "a manual change is written during a sync",
        "shared/workflows/recipients/fenced_writer.py",
        "if (current.active_run, current.fencing_token) != (None, state.fencing_token):",
        "if False:",
        f"{_SIMULATED}/test_late_writes.py::test_an_edit_gives_way_to_a_sync_that_begins_while_it_reads_the_fence",
    ),
)
