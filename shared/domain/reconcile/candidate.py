"""Candidates for deactivation."""

from typing import Final

import msgspec

from shared.domain.ids import ObjectId, RecipientId
from shared.domain.recipient import Reason

#: Maximum number of candidates that one result lists.
MAX_NAMED_CANDIDATES: Final = 30_000
#: Maximum size of these candidates, in bytes: the rows of a result are inserted in one batch.
MAX_NAMED_BYTES: Final = 2_900_000
#: Maximum size of a candidate without its object id, in bytes.
_OTHER_BYTES: Final = 57


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """A recipient whose person is in no source of the location, as far as the sources were read.

    It is deactivated after an existence check confirms the absence and the guard permits it.
    """

    recipient: RecipientId
    object_id: ObjectId
    reason: Reason
    #: Whether a source was not read completely, so that only a deleted or disabled account confirms the absence.
    account_only: bool = False

    @property
    def size(self) -> int:
        """Maximum size of the candidate in a result, in bytes."""
        return _OTHER_BYTES + len(self.object_id.encode())
