"""One queue, as a trigger and as an output: encoding, poison, and what counts as gone."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

POISON_SUFFIX = "-poison"
#: a queue's name is 3 to 63 characters, so a long one has no poison queue
_MAX_NAME = 63
_SERVER_ERROR = 500
_LOST = ("MessageNotFound", "PopReceiptMismatch", "QueueNotFound", "QueueBeingDeleted", "QueueDisabled")


class UndecodableError(Exception):
    """A message's text is not base64, though host.json says all are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message received and locked; `text` is what lies in the queue, undecoded."""

    id: str
    pop_receipt: str
    text: str
    dequeue_count: int
    inserted: datetime
    expires: datetime
    next_visible: datetime


def decode(text: str, *, is_base64: bool) -> bytes:
    """A message's body.

    Raises:
        UndecodableError: the text is not base64.
    """
    if not is_base64:
        return text.encode()
    try:
        # .NET's decoder skips white space and rejects everything else that is not base64.
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UndecodableError(f"a message is not base64 ({error}); send base64 or set messageEncoding none") from error


def encode(body: bytes, *, is_base64: bool) -> str:
    """A message's text on the wire. Without base64, bytes that are no UTF-8 do not survive, as in .NET."""
    return base64.b64encode(body).decode() if is_base64 else body.decode(errors="replace")


def poison_name(queue: str) -> str | None:
    """The poison queue of a queue; None for poison queues themselves and names too long to have one."""
    if queue.endswith(POISON_SUFFIX) or len(queue + POISON_SUFFIX) > _MAX_NAME:
        return None
    return queue + POISON_SUFFIX


def is_lost(error: HttpResponseError) -> bool:
    """Whether the message or its queue is gone, or somebody else holds it: nothing is left to do for us."""
    return getattr(error, "error_code", None) in _LOST


def brief(error: AzureError) -> str:
    """The first line of an error; the SDK's messages repeat the whole answer."""
    return str(error).partition("\n")[0]


def is_server_error(error: HttpResponseError) -> bool:
    """Whether the service is at fault and asking again may help."""
    return (error.status_code or 0) >= _SERVER_ERROR


async def receive(queue: QueueClient, count: int, lock_s: int) -> list[Delivery]:
    """Up to `count` (1..32) messages, invisible to others for `lock_s` seconds from now."""
    pages = queue.receive_messages(messages_per_page=count, visibility_timeout=lock_s).by_page()
    async for page in pages:
        return [_delivery(message) async for message in page]
    return []


async def send(queue: QueueClient, text: str) -> None:
    """Put a message, on the wire as `text`, into the queue; make the queue when it is missing."""
    try:
        await queue.send_message(text)
    except ResourceNotFoundError:
        await _create(queue)
        await queue.send_message(text)


async def _create(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except HttpResponseError as error:
        if getattr(error, "error_code", None) != "QueueAlreadyExists":
            raise


def _delivery(message: QueueMessage) -> Delivery:
    return Delivery(
        id=message.id,
        pop_receipt=message.pop_receipt or "",
        text=message.content or "",
        dequeue_count=message.dequeue_count or 0,
        inserted=_known(message.inserted_on),
        expires=_known(message.expires_on),
        next_visible=_known(message.next_visible_on),
    )


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("the service answered a message without its times")
    return moment
