"""Every error the product raises on purpose, by what the caller must do.

    SyncError
    ├── Transient       try again later, after `retry_after_s` if it is given; the queue waits, not a worker
    │   └── RateLimited   the caller, or everybody for this target, has asked too often
    ├── NeedsAttention  a person must change something at the connection; polling it goes on to fail until then
    │   └── LoginRefused  the login service says so, with a code and the ids that its operators can look it up by
    ├── Rejected        this one input is wrong: say so to whoever sent it and go on with the others
    │   ├── NotFound         this one input names something that is not there
    │   ├── TooLarge         this one input does not fit where it shall be stored; nothing of it was, and a part may
    │   ├── Unauthenticated  nobody knows who sent it
    │   └── Forbidden        whoever sent it may not do this
    ├── Conflict        the stored state changed underneath: read it again and decide again
    │   ├── Superseded  somebody newer owns the work: stop at once and write nothing more
    │   └── ChangedMeanwhile  the caller named the version that they meant to replace, and it is another by now
    └── Misconfigured   a setting of this deployment is missing or wrong: stop at start

Each message holds the fact, the number and the next step. `code` is stable and may be matched by machines.
"""


class SyncError(Exception):
    """Root of the tree; never raised itself."""

    def __init__(self, message: str, *, code: str = "error") -> None:
        super().__init__(message)
        self.code = code


class Transient(SyncError):
    """Nothing is wrong that waiting does not cure.

    `retry_after_s` is in seconds, as the remote service asked for, or None if it did not say.
    """

    def __init__(self, message: str, *, code: str = "transient", retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class RateLimited(Transient):
    """Too many requests of one kind; `retry_after_s` is always given."""


class NeedsAttention(SyncError):
    """The connection cannot be used until a person changes something in the directory or in the connection."""


class LoginRefused(NeedsAttention):
    """The login service refused the credentials. `code` is AADSTS and its number; the ids help Microsoft's support."""

    def __init__(
        self, message: str, *, code: str, trace_id: str | None = None, correlation_id: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.trace_id = trace_id
        self.correlation_id = correlation_id


class Rejected(SyncError):
    """One input is wrong; everything else goes on. `code` names the rule it broke."""


class NotFound(Rejected):
    """One input names something that does not exist."""


class TooLarge(Rejected):
    """One input does not fit where it shall be stored. Nothing of it was; in parts it may fit."""


class Unauthenticated(Rejected):
    """The request does not prove who sends it."""


class Forbidden(Rejected):
    """Whoever sends the request may not do what it asks for."""


class Conflict(SyncError):
    """An ETag no longer matches: read again, decide again."""


class Superseded(Conflict):
    """A newer run, epoch or attempt owns this work; the caller stops without writing."""


class ChangedMeanwhile(Conflict):
    """What is stored is not the version that the caller meant to replace; nothing was written."""


class Misconfigured(SyncError):
    """A setting of the deployment is missing or wrong; the message names the setting and the remedy."""
