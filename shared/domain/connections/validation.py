"""What validating entries leaves behind: the report, and what was validated."""

from dataclasses import dataclass, field

from shared.domain.connections.connection import Credentials
from shared.domain.connections.validation_report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The report, and credentials that can be stored if it is `ok`; None if they were not even tried."""

    report: Report
    credentials: Credentials | None = None
    #: What goes into Key Vault: the secret, or the certificate with its key; empty for a federated identity.
    secret: str = field(default="", repr=False)
