"""Trigger metadata of a queue message.

The host adds the top-level properties of a JSON message to the trigger metadata, whose names ignore case. So a message
`{"id": "7"}` makes `msg.id` "7", and `{"dequeueCount": "many"}` makes the invocation fail.

Source: `Utility.ApplyBindingData` of the Functions host; `CreateBindingData` of QueueTriggerBinding.cs.
"""

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from infra.local.functions_host import worker
from infra.local.functions_host.queues import Delivery
from infra.local.functions_host.worker import Datum

#: .NET's last moment, used for a message without an expiry, such as an input of the admin interface
_NEVER = '"9999-12-31T23:59:59.9999999+00:00"'
_NAMES = {
    name.lower(): name
    for name in ("Id", "PopReceipt", "DequeueCount", "InsertionTime", "ExpirationTime", "NextVisibleTime")
}


def metadata_of(delivery: Delivery, text: str | None) -> dict[str, Datum]:
    """Return the trigger metadata of a message. Its body is `text`, or bytes that are not text."""
    metadata = {
        "Id": worker.text(delivery.id),
        "PopReceipt": worker.text(delivery.pop_receipt),
        "DequeueCount": worker.json(str(delivery.dequeue_count)),
        "InsertionTime": _moment(delivery.inserted),
        "ExpirationTime": _moment(delivery.expires),
        "NextVisibleTime": _moment(delivery.next_visible),
    }
    metadata.update(_hidden_by(text))
    return metadata


def metadata_by_hand(text: str, now: datetime) -> dict[str, Datum]:
    """Return the trigger metadata of an input of the admin interface, which was never in a queue."""
    metadata = {
        "DequeueCount": worker.json("0"),
        "InsertionTime": _moment(now),
        "ExpirationTime": worker.json(_NEVER),
        "NextVisibleTime": worker.json(_NEVER),
    }
    metadata.update(_hidden_by(text))
    return metadata


def _hidden_by(text: str | None) -> Mapping[str, Datum]:
    stripped = (text or "").strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return {}
    with contextlib.suppress(ValueError):
        return {
            _NAMES[name.lower()]: worker.text(value if isinstance(value, str) else json.dumps(value))
            for name, value in json.loads(stripped).items()
            if name.lower() in _NAMES and value is not None and not isinstance(value, list)
        }
    return {}


def _moment(moment: datetime) -> Datum:
    return worker.json(f'"{moment.astimezone(UTC).isoformat()}"')
