"""Candidates for deactivation."""

from typing import Final

import msgspec

from shared.domain.ids import ObjectId, RecipientId
from shared.domain.recipient import Reason

#: How many candidates one result names: its row holds 1 MiB, and a candidate takes some 20 bytes of it.
MAX_NAMED_CANDIDATES: Final = 30_000


class Candidate(msgspec.Struct, frozen=True, array_like=True):
    """Somebody whom every complete source of a location lacks: to be deactivated once a existence check confirms it."""

    recipient: RecipientId
    object_id: ObjectId
    reason: Reason
