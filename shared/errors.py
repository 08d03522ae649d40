"""Errors that the product raises on purpose, sorted by what the caller must do. Every error that is caught has a class.

    SyncError
    ├── Transient         try again later, after `retry_after_s` if it is given; the queue waits, not a worker
    │   ├── RateLimited     too many requests for this target
    │   ├── Contended       other writers changed the same row at every attempt of an update
    │   │   └── BeingErased     a deleted tenant of this id is still being erased
    │   ├── Paused          an operator has paused writing; the work waits until it is resumed
    │   └── Unreadable      a newer version wrote the row or message, or it is damaged: leave it alone
    ├── NeedsAttention    a person must change something at the connection; until then every attempt fails
    │   ├── LoginRefused    the login service refused the credentials; has a code, and ids for Microsoft's support
    │   ├── RefusedOnce     the credentials were refused for the first time; a later message asks again
    │   └── RequestRefused  the directory refused one request; it counts once a later message is refused as well
    ├── Rejected          one input is wrong: report it to its sender and continue with the others
    │   ├── NotFound        the input names something that does not exist
    │   ├── TooLarge        the input exceeds a size limit; nothing was stored, a part of it may fit
    │   ├── Unauthenticated the request does not prove who sends it
    │   └── Forbidden       the sender may not do this
    ├── Conflict          the stored state changed: read it again and decide again
    │   ├── ETagConflict        a store found another version of a row than the one that was read
    │   ├── Superseded          a newer run, configuration or attempt owns the work: stop and write nothing more
    │   ├── ChangedMeanwhile    the caller named a version to replace, and another one is stored
    │   ├── DeltaLinkExpired    the directory no longer accepts a delta link: list the source in full
    │   ├── ChangeFeedUnsupported   the directory has no change feed after all: list its sources in full
    │   ├── ForeignLink         the directory gave a link to another host: do not follow it
    │   ├── PageTokenExpired    a listing cannot be continued: begin it again
    │   └── SnapshotIncomplete  pages of a snapshot are missing or changed: do not use it
    └── Misconfigured     a setting of this deployment is missing or wrong: stop at start

Errors that never leave one package are subclasses defined there: `Refused` (adapters/entra), `DirectoryUnavailable`
and others. A message has the fact, the number and the next step. `code` is stable; it is for logs, the history and
API clients. Code that decides uses the class and never compares `code`.
"""

from datetime import datetime
from typing import ClassVar


class SyncError(Exception):
    """Root of the tree; never raised itself."""

    #: Code of an error that is raised without one.
    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.default_code


class Transient(SyncError):
    """A temporary failure: a retry can succeed.

    `retry_after_s` is the wait that the remote service asked for, in seconds; None if it did not ask for one.
    """

    default_code = "transient"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class RateLimited(Transient):
    """Too many requests of one kind; `retry_after_s` is always given."""


class Contended(Transient):
    """Every attempt of an update met another writer; `retry_after_s` is always given. Nothing was changed."""

    default_code = "contended"


class BeingErased(Contended):
    """A deleted tenant of this id is still being erased; `retry_after_s` is when that can have ended."""

    default_code = "sweeping"


class Paused(Transient):
    """An operator has paused all writing to recipients. Nothing was written; `retry_after_s` is always given."""

    default_code = "paused"

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__(
            "The operator has paused all changes of recipients. Nothing is lost.", retry_after_s=retry_after_s
        )


class Unreadable(Transient):
    """A stored row or message cannot be decoded: a newer version wrote it, or it is damaged. It is left as it is."""

    default_code = "unreadable"


class NeedsAttention(SyncError):
    """The connection cannot be used until a person changes something in the directory or in the connection."""


class LoginRefused(NeedsAttention):
    """The login service refused the credentials. `code` is AADSTS and its number; the ids help Microsoft's support.

    `blames_credentials` is whether the service says that the application or its secret is wrong, and not, for example,
    that it does not know the tenant or that a policy blocks the sign-in.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        trace_id: str | None = None,
        correlation_id: str | None = None,
        blames_credentials: bool = True,
    ) -> None:
        super().__init__(message, code=code)
        self.blames_credentials = blames_credentials
        self.trace_id = trace_id
        self.correlation_id = correlation_id

    @property
    def support_ids(self) -> str:
        """The ids that the directory's support asks for, as sentences; empty if there are none."""
        named = (("Trace ID", self.trace_id), ("Correlation ID", self.correlation_id))
        return "".join(f" {name} {value}." for name, value in named if value)


class RefusedOnce(NeedsAttention):
    """The credentials were refused `since` this time, and not yet again: a later message of the job asks again."""

    def __init__(self, message: str, *, code: str, since: datetime) -> None:
        super().__init__(message, code=code)
        self.since = since


class RequestRefused(NeedsAttention):
    """The directory refused one request. Such refusals also occur now and then for no reason: try once more later."""


class Rejected(SyncError):
    """One input is wrong; the others are processed. `code` names the violated rule."""


class NotFound(Rejected):
    """One input names something that does not exist."""


class TooLarge(Rejected):
    """One input exceeds a size limit, of storage or of a request. Nothing was stored; a part of it may fit."""


class Unauthenticated(Rejected):
    """The sender of the request is not authenticated."""


class Forbidden(Rejected):
    """The sender of the request is not authorized for the operation."""


class Conflict(SyncError):
    """The stored state has changed since the caller read it: read again and decide again."""


class ETagConflict(Conflict):
    """A row is not the version that was read, or exists although it should not. Only stores raise it."""

    default_code = "conflict"


class Superseded(Conflict):
    """A newer run, configuration or attempt owns this work; the caller stops without writing."""

    default_code = "superseded"


class ChangedMeanwhile(Conflict):
    """The stored version is not the one that the caller named in order to replace it; nothing was written."""

    default_code = "changed_meanwhile"


class DeltaLinkExpired(Conflict):
    """The directory no longer accepts a delta link; the source must be read in full."""

    default_code = "delta_expired"


class ChangeFeedUnsupported(Conflict):
    """The directory refuses its change feed although it lists users; sources are listed in full each time."""

    default_code = "delta_unsupported"


class ForeignLink(Conflict):
    """The directory gave a link that leads to another host; it was not followed."""

    default_code = "foreign_link"


class PageTokenExpired(Conflict):
    """The directory cannot continue a listing; it must start again."""

    default_code = "page_expired"


class SnapshotIncomplete(Conflict):
    """Pages of a snapshot are missing or are not what its manifest says; the snapshot is not used."""

    default_code = "snapshot_incomplete"


class Misconfigured(SyncError):
    """A setting of the deployment is missing or wrong; the message names the setting and the remedy."""
