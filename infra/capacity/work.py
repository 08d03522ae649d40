"""Work that function invocations cause: CPU time and requests to Azure services."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Work:
    """Total work of some invocations. CPU time covers this process only: the stand-ins run in other processes."""

    executions: float = 0
    cpu_s: float = 0.0
    #: Requests to Table Storage. Each is billed as one transaction, whether it carries one row or a hundred.
    table_requests: float = 0
    #: Rows created, changed or deleted.
    rows_written: float = 0
    #: Rows read.
    rows_read: float = 0
    messages_sent: float = 0
    directory_requests: float = 0
    #: Secrets read. The product caches a secret for five minutes; these counts assume an empty cache.
    vault_reads: float = 0
    #: Log lines of the product, without those of the host.
    log_lines: float = 0
    log_bytes: float = 0

    def __add__(self, other: "Work") -> "Work":
        theirs = asdict(other)
        return Work(**{name: value + theirs[name] for name, value in asdict(self).items()})

    def __mul__(self, factor: float) -> "Work":
        return Work(**{name: value * factor for name, value in asdict(self).items()})
