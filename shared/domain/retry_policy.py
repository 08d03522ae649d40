"""Retry policy: which error, at which stage, is retried how often and for how long, and what happens in the end.

Every component that retries reads its numbers here; docs/reference/retries.md shows the table. Waits of up to
`MAX_WAIT_IN_WORKER_S` are spent in the worker. Longer ones are spent in the queue, where they cost nothing.
"""

from typing import Final

import msgspec

#: Maximum wait of a worker for one request, in seconds. For a longer `Retry-After`, the message is requeued.
MAX_WAIT_IN_WORKER_S: Final = 10.0

#: Number of attempts that means: until a deadline, which `outcome` names.
UNTIL_DEADLINE: Final = 0


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """Retry policy of one kind of error at one stage."""

    #: Class of the error, or response of a service.
    error: str
    stage: str
    #: Number of attempts, including the first one.
    attempts: int = 1
    #: Wait before the second attempt, in seconds; it doubles for each further attempt.
    first_wait_s: float = 0.0
    #: Upper bound of a wait, in seconds.
    max_wait_s: float = 0.0
    #: Description of the waits, if it does not follow from the two numbers.
    wait: str = ""
    #: Outcome after the last attempt.
    outcome: str

    @property
    def retries(self) -> int:
        """Number of attempts after the first one."""
        return self.attempts - 1

    @property
    def total_s(self) -> float:
        """Sum of all waits, in seconds."""
        return sum(map(self.wait_s, range(self.retries)))

    def bounded_s(self, asked_s: float) -> float:
        """Return the wait that a service asked for, in seconds, within the bounds of the policy."""
        return min(max(asked_s, self.first_wait_s), self.max_wait_s)

    def wait_s(self, retry: int) -> float:
        """Return the wait before a retry, in seconds; the first retry is number 0."""
        return min(self.max_wait_s, self.first_wait_s * 2.0**retry)


# One request of an SDK -----------------------------------------------------------------------------------------------

#: The SDK's base delay is `first_wait_s`; it adds a growing delay and up to a second of jitter.
GRAPH_REQUEST: Final = Retry(
    error="429, 503, 504",
    stage="request to Microsoft Graph",
    attempts=3,
    first_wait_s=0.5,
    max_wait_s=MAX_WAIT_IN_WORKER_S,
    wait="`Retry-After`, or about 1 s, then 2 s",
    outcome="`Transient`, with the wait that Graph asked for",
)
#: A refusal pauses all requests of the tenant; afterwards one request probes.
GRAPH_THROTTLE: Final = Retry(
    error="429, 503 without `Retry-After`",
    stage="all requests of a tenant to Microsoft Graph",
    attempts=UNTIL_DEADLINE,
    first_wait_s=1.0,
    max_wait_s=8.0,
    outcome="each request has its own attempts; the run fails at its deadline",
)
EXISTENCE_CHECK: Final = Retry(
    error="a part of a `$batch` failed temporarily",
    stage="existence check of people who left",
    attempts=3,
    first_wait_s=1.0,
    max_wait_s=1.0,
    outcome="`Transient`",
)
#: azure-core does not wait before the first retry, and then twice its factor, which is `first_wait_s`.
LOGIN_REQUEST: Final = Retry(
    error="429, 5xx, temporary AADSTS codes",
    stage="request to the login service",
    attempts=3,
    first_wait_s=0.5,
    max_wait_s=MAX_WAIT_IN_WORKER_S,
    wait="up to 1 s",
    outcome="`Transient`",
)
#: Servers of the login service learn of a new secret or certificate one after the other.
NEW_CREDENTIAL: Final = Retry(
    error="`invalid_client`, `unauthorized_client`",
    stage="sign-in while a connection is checked",
    attempts=3,
    first_wait_s=1.0,
    max_wait_s=2.0,
    outcome="`LoginRefused`; the stored credential stays in use",
)
LIVE_READ: Final = Retry(
    error="`RequestRefused`",
    stage="one page, while a connection is checked",
    attempts=2,
    first_wait_s=1.0,
    max_wait_s=1.0,
    outcome="the check fails",
)
TABLE_REQUEST: Final = Retry(
    error="408, 429, 5xx, no answer",
    stage="request to Table Storage",
    attempts=4,
    first_wait_s=0.5,
    max_wait_s=MAX_WAIT_IN_WORKER_S,
    wait="0, 1, 2 s",
    outcome="`Transient`",
)
#: The SDK's default waits of 18, 24 and 42 s would outlast the time in which functions must end at a shutdown.
QUEUE_REQUEST: Final = Retry(
    error="408, 429, 5xx, no answer",
    stage="request to Queue Storage",
    attempts=4,
    first_wait_s=1.0,
    max_wait_s=3.0,
    wait="up to 3 s",
    outcome="`Transient`",
)
VAULT_REQUEST: Final = Retry(
    error="408, 429, 5xx, no answer",
    stage="request to Key Vault",
    attempts=3,
    wait="0, 1.6 s",
    outcome="`Transient`",
)

# One step of a job ---------------------------------------------------------------------------------------------------

#: Eight attempts are enough for eight workers that write one row concurrently. A write takes about 10 ms.
ROW_UPDATE: Final = Retry(
    error="`ETagConflict`",
    stage="update of a stored row",
    attempts=8,
    first_wait_s=0.02,
    max_wait_s=0.5,
    wait="random, up to 0.02 s, doubling to 0.5 s",
    outcome="`Contended`",
)
LISTING: Final = Retry(
    error="`PageTokenExpired`, `DeltaLinkExpired`, `SnapshotIncomplete`",
    stage="complete listing of a source",
    attempts=3,
    outcome="`Transient` without a wait",
)
DELTA: Final = Retry(
    error="`DeltaLinkExpired`, `SnapshotIncomplete`, `RoundUnusable`",
    stage="delta read of a source",
    outcome="a complete listing instead",
)
#: The watchdog considers a job lost after `LOST_JOB.first_wait_s`, so waits must be shorter.
NO_RESPONSE: Final = Retry(
    error="no response, or out of order (`DirectoryUnavailable`)",
    stage="first response of a directory",
    attempts=3,
    first_wait_s=60.0,
    max_wait_s=480.0,
    outcome="the source is recorded as failed",
)
OVERDUE: Final = Retry(
    error="overdue, while too many are",
    stage="first response of a directory",
    attempts=UNTIL_DEADLINE,
    first_wait_s=NO_RESPONSE.first_wait_s,
    max_wait_s=NO_RESPONSE.max_wait_s,
    outcome="the run fails at its deadline",
)
WORKER_AT_CAPACITY: Final = Retry(
    error="`Transient`: the worker is at capacity",
    stage="start of a large comparison",
    attempts=UNTIL_DEADLINE,
    first_wait_s=5.0,
    max_wait_s=5.0,
    outcome="the run fails at its deadline",
)

# One message ---------------------------------------------------------------------------------------------------------

CONTENDED: Final = Retry(
    error="`Contended`",
    stage="any job",
    attempts=UNTIL_DEADLINE,
    first_wait_s=5.0,
    max_wait_s=5.0,
    outcome="the run fails at its deadline",
)
#: A version of the app that can read it may be installed again.
UNREADABLE: Final = Retry(
    error="`Unreadable`",
    stage="any job",
    attempts=UNTIL_DEADLINE,
    first_wait_s=300.0,
    max_wait_s=300.0,
    outcome="the row or message is left alone",
)
#: An operator has paused writing. These messages are not counted.
PAUSED: Final = Retry(
    error="`Paused`",
    stage="any job",
    attempts=UNTIL_DEADLINE,
    first_wait_s=60.0,
    max_wait_s=60.0,
    outcome="deadlines wait, too; the job goes on after the pause",
)
#: A longer wait is split: the job is delivered after an hour and waits again. A shorter one, such as `Retry-After: 0`,
#: would send a message again and again without a pause.
DELAYED: Final = Retry(
    error="other `Transient` with a wait",
    stage="any job",
    attempts=UNTIL_DEADLINE,
    first_wait_s=1.0,
    max_wait_s=3_600.0,
    wait="as the error says, 1 s to an hour",
    outcome="the run fails at its deadline",
)
#: The run then continues with its other sources.
DELAYED_TOO_LONG: Final = Retry(
    error="the same, if the wait ends after the run's deadline",
    stage="fetch",
    outcome="the source is recorded as failed",
)
#: Every such message has stored pages or answers.
INTERRUPTED: Final = Retry(
    error="`Transient` without a wait, after pages or answers were read",
    stage="fetch, deactivate",
    attempts=UNTIL_DEADLINE,
    first_wait_s=15.0,
    max_wait_s=15.0,
    outcome="the run fails at its deadline",
)
#: host.json: `maxDequeueCount` and `visibilityTimeout`.
REDELIVERY: Final = Retry(
    error="other `Transient` without a wait, any other error",
    stage="any job",
    attempts=5,
    first_wait_s=15.0,
    max_wait_s=15.0,
    outcome="fetch: the source is recorded as failed; others: dead letter",
)
DEAD_LETTERS: Final = (
    Retry(error="dead letter", stage="`sync-requests`", outcome="no run starts"),
    Retry(error="dead letter", stage="`fetch-jobs`", outcome="the source is recorded as failed"),
    Retry(error="dead letter", stage="`reconcile-jobs`", outcome="the location keeps all recipients, or the run fails"),
    Retry(error="dead letter", stage="`import-jobs`", outcome="the import fails"),
)
SUPERSEDED: Final = Retry(error="`Superseded`", stage="any job", outcome="completed; a newer run does the work")
REJECTED: Final = Retry(error="`Rejected`", stage="any job", outcome="dead letter, without another delivery")
#: Public reports name occasional refusals with 403, 409, 423 and 424 among good answers.
REFUSED: Final = Retry(
    error="`RequestRefused`",
    stage="fetch, deactivate",
    attempts=2,
    first_wait_s=15.0,
    max_wait_s=15.0,
    outcome="as `NeedsAttention`",
)
UNCLEAR: Final = Retry(
    error="`UnclearAnswer`",
    stage="round of changes with people read by id",
    attempts=3,
    first_wait_s=15.0,
    max_wait_s=15.0,
    outcome="a complete listing instead",
)
#: The second refusal stops the schedule; see `connection_health.CONFIRMED_AFTER`.
LOGIN_REFUSED: Final = Retry(
    error="`RefusedOnce`",
    stage="fetch, deactivate",
    attempts=2,
    first_wait_s=300.0,
    max_wait_s=300.0,
    outcome="the connection needs attention",
)
NEEDS_ATTENTION: Final = (
    Retry(error="`NeedsAttention`", stage="fetch", outcome="the source is recorded as failed"),
    Retry(error="`NeedsAttention`", stage="deactivate", outcome="the run ends without deactivations"),
)

# One run -------------------------------------------------------------------------------------------------------------

#: Settings: WATCHDOG_STALE_AFTER_S.
LOST_JOB: Final = Retry(
    error="a worker dies, a message is lost",
    stage="run without progress",
    attempts=UNTIL_DEADLINE,
    first_wait_s=900.0,
    max_wait_s=900.0,
    outcome="the run fails at its deadline",
)
#: Settings: RUN_MAX_MESSAGES. An import that waits for a day looks 2,880 times.
REPEATED: Final = Retry(
    error="a job continues, waits, or is sent again",
    stage="run",
    attempts=50_000,
    outcome="the run fails with `limit_reached`",
)
#: Settings: RUN_MAX_REQUESTS.
MAX_REQUESTS: Final = 5_000_000
#: Settings: RUN_DEADLINE_S.
RUN_DEADLINE_S: Final = 6 * 3_600.0
DEADLINE: Final = Retry(
    error="deadline, six hours after the start",
    stage="run",
    outcome="the run fails; the next one reads the same again",
)
FULL_READ: Final = Retry(
    error="the directory cannot be listed completely",
    stage="full run that can follow changes",
    first_wait_s=21_600.0,
    wait="6 h",
    outcome="the runs follow changes and report `full_read_failed`; the next full run is due after the wait",
)

# One HTTP request ----------------------------------------------------------------------------------------------------

HTTP: Final = (
    Retry(
        error="`Conflict`, `Transient`",
        stage="API: plan of a run",
        outcome="202; a message on `sync-requests` plans the run",
    ),
    Retry(error="`RateLimited`", stage="API", outcome="429 with `Retry-After`"),
    Retry(error="`Contended`", stage="API", outcome="409 with `Retry-After`"),
    Retry(error="other `Transient`", stage="API", outcome="503 with `Retry-After`"),
)
#: Repeated by the clients, because a request is not kept open for minutes. The stored credential stays in use.
UNKNOWN_CREDENTIAL: Final = Retry(
    error="`connection_refused` with `retryForSeconds`",
    stage="portal, command line: connect",
    attempts=5,
    first_wait_s=30.0,
    max_wait_s=240.0,
    outcome="the credential counts as wrong",
)
#: `Retry-After` of an answer to the API if the error has no wait, in seconds.
API_RETRY_AFTER_S: Final = 5.0

#: The table of docs/reference/retries.md, by section.
TABLE: Final = {
    "One request": (
        GRAPH_REQUEST,
        GRAPH_THROTTLE,
        EXISTENCE_CHECK,
        LOGIN_REQUEST,
        NEW_CREDENTIAL,
        LIVE_READ,
        TABLE_REQUEST,
        QUEUE_REQUEST,
        VAULT_REQUEST,
    ),
    "One step of a job": (ROW_UPDATE, LISTING, DELTA, NO_RESPONSE, OVERDUE, WORKER_AT_CAPACITY),
    "One message": (
        CONTENDED,
        UNREADABLE,
        PAUSED,
        DELAYED,
        DELAYED_TOO_LONG,
        INTERRUPTED,
        REDELIVERY,
        *DEAD_LETTERS,
        SUPERSEDED,
        REJECTED,
        REFUSED,
        UNCLEAR,
        LOGIN_REFUSED,
        *NEEDS_ATTENTION,
    ),
    "One run": (LOST_JOB, REPEATED, DEADLINE, FULL_READ),
    "One HTTP request": (*HTTP, UNKNOWN_CREDENTIAL),
}
