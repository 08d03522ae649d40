"""Candidates for deactivation."""

from typing import Final

import msgspec

from shared.domain.ids import ObjectId, RecipientId
from shared.domain.recipient import Reason

#: How many candidates one result names, and how many bytes they may take: its rows are inserted in one batch.
MAX_NAMED_CANDIDATES: Final = 30_000
MAX_NAMED_BYTES: Final = 2_900_000
#: Bytes of a candidate besides the object id, at most.
_OTHER_BYTES: Final = 56


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """Somebody whom every complete source of a location lacks: to be deactivated once a existence check confirms it."""

    recipient: RecipientId
    object_id: ObjectId
    reason: Reason

    @property
    def size(self) -> int:
        """Bytes that the candidate takes in a result, at most."""
        return _OTHER_BYTES + len(self.object_id.encode())
