"""Fetch message: what one message of a fetch job has done, from which follows how the job continues."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from shared.domain.sync.jobs import FetchCheckpoint, FetchJob
from shared.runtime.adaptive_timeout import FirstResponseGuard
from shared.telemetry import RequestCounters


@dataclass(slots=True, kw_only=True)
class FetchMessage:
    """One message of a fetch job."""

    job: FetchJob
    counters: RequestCounters
    first: FirstResponseGuard
    #: The checkpoint of the job, once this message has read or stored one.
    checkpoint: FetchCheckpoint | None = None
    #: Whether the checkpoint contains pages that this message has read.
    has_progress: bool = False

    @property
    def next_job(self) -> FetchJob:
        """The job as a further message continues it: failures before this message's progress do not count."""
        return self.job.after_progress if self.has_progress else self.job

    def counted(self, checkpoint: FetchCheckpoint) -> FetchCheckpoint:
        """Return the checkpoint with the requests of this message added."""
        return msgspec.structs.replace(
            checkpoint,
            directory_requests=checkpoint.directory_requests + self.counters.directory_requests,
            storage_requests=checkpoint.storage_requests + self.counters.storage_requests,
        )

    def restarted(self, begin: FetchCheckpoint) -> FetchCheckpoint:
        """Return where to begin, with the requests that earlier messages have sent."""
        known = self.checkpoint or FetchCheckpoint()
        return msgspec.structs.replace(
            begin, directory_requests=known.directory_requests, storage_requests=known.storage_requests
        )

    def waiting(self, until: datetime) -> FetchCheckpoint:
        """Return the checkpoint of a job that waits until then. It counts the requests of this message."""
        return msgspec.structs.replace(self._counted_once(self.checkpoint or FetchCheckpoint()), waits_until=until)

    def forgotten(self) -> FetchCheckpoint:
        """Return the checkpoint of a job that begins again. It counts the requests of this message."""
        return self._counted_once(self.restarted(FetchCheckpoint()))

    def _counted_once(self, checkpoint: FetchCheckpoint) -> FetchCheckpoint:
        return checkpoint if self.has_progress else self.counted(checkpoint)
