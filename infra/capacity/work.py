"""What invocations of the product's functions ask of Azure services."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Work:
    """What some invocations have done. CPU is that of this process alone: the stand-ins run in others."""

    executions: float = 0
    cpu_s: float = 0.0
    #: Requests to Table Storage, each a transaction of the bill, whether it carries one row or a hundred.
    table_requests: float = 0
    #: Rows that were created, changed or deleted, and rows that were read.
    rows_written: float = 0
    rows_read: float = 0
    messages_sent: float = 0
    graph_requests: float = 0
    #: Secrets asked for; the product keeps them for five minutes, which is not counted on here.
    vault_reads: float = 0
    #: The product's own log lines.
    log_lines: float = 0
    log_bytes: float = 0

    def __add__(self, other: "Work") -> "Work":
        theirs = asdict(other)
        return Work(**{name: value + theirs[name] for name, value in asdict(self).items()})

    def __mul__(self, factor: float) -> "Work":
        return Work(**{name: value * factor for name, value in asdict(self).items()})
