"""Relinking: asks the directory about accounts that may be deleted, and matches their recipients again."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from shared.domain.directory import Existence
from shared.domain.ids import LocationId, ObjectId, RecipientId
from shared.domain.problem import Problem
from shared.domain.recipient import Recipient
from shared.domain.reconcile.fence import SYNC
from shared.domain.reconcile.relink import Relink
from shared.domain.reconcile.write import Write
from shared.domain.run import Plan
from shared.errors import NotFound
from shared.ports.platform import Clock
from shared.ports.recipients import RecipientStore
from shared.workflows.connections.directory_access import DirectoryAccess
from shared.workflows.sync.resumable_check import ResumableCheck
from shared.workflows.sync.run_writer import RunWriter
from shared.workflows.sync.stages import StageCoordinator


class Relinking(msgspec.Struct, frozen=True, kw_only=True):
    """Decides relinks by what the directory says about their accounts, and writes them."""

    access: DirectoryAccess
    stages: StageCoordinator
    recipients: RecipientStore
    writer: RunWriter
    clock: Clock

    async def decide(
        self, plan: Plan, relinks: Mapping[LocationId, Sequence[Relink]], check: ResumableCheck
    ) -> tuple[Mapping[LocationId, Sequence[Write]], tuple[Problem, ...]]:
        """Return the writes of all locations, and a problem for each location with an account without an answer.

        A preview relinks no one.

        Raises:
            Superseded: The run no longer owns the tenant.
            NeedsAttention: The directory refuses the connection or the request.
            Transient: The directory did not respond.
        """
        if plan.preview or not relinks:
            return {}, ()
        accounts = sorted({relink.account for at_location in relinks.values() for relink in at_location})
        async with self.access.open_for_run(plan, await self.stages.require_current(plan)) as directory:
            existence = await check(directory, accounts, ())
        writes, problems = {}, []
        for location, at_location in sorted(relinks.items()):
            if decided := list(_decided(at_location, existence)):
                writes[location] = decided
            if unknown := sum(_is_unknown(relink, existence) for relink in at_location):
                problems.append(_unconfirmed(location, unknown))
        return writes, tuple(problems)

    async def write(self, plan: Plan, location: LocationId, writes: Sequence[Write], claim: str) -> None:
        """Make the writes whose recipient is as it was when they were decided. A redelivery writes nothing twice.

        Raises Superseded if the run no longer owns the tenant, or another delivery has claimed it.
        """
        fenced = await self.writer.acquire(plan, location, claim)
        stored: dict[RecipientId, Recipient] = {}
        for recipient in sorted({write.recipient.id for write in writes}):
            with suppress(NotFound):
                stored[recipient] = await self.recipients.get(plan.tenant, location, recipient)
        valid = []
        for write in writes:
            if stored.get(write.recipient.id) == write.change.before:
                valid.append(write)
                stored[write.recipient.id] = write.recipient
        await fenced.write(valid, run=plan.run, actor=SYNC, at=self.clock.now())


def _is_unknown(relink: Relink, existence: Mapping[ObjectId, Existence]) -> bool:
    return existence.get(relink.account, Existence.UNKNOWN) is Existence.UNKNOWN


def _decided(relinks: Iterable[Relink], existence: Mapping[ObjectId, Existence]) -> Iterable[Write]:
    """Yield the write of every relink whose account has an answer, those that match a new account first."""
    for relink in sorted(relinks, key=lambda relink: relink.if_deleted.recipient.object_id is None):
        if _is_unknown(relink, existence):
            continue
        write = relink.if_deleted if existence[relink.account] is Existence.NOT_FOUND else relink.if_found
        if write is not None:
            yield write


def _unconfirmed(location: LocationId, accounts: int) -> Problem:
    detail = (
        f"The directory could not say whether {accounts} earlier accounts still exist. Recipients that were matched "
        "with them stay as they are until a later sync."
    )
    return Problem(concerns=location, code="unconfirmed", detail=detail)
