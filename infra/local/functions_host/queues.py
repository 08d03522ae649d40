"""Queue operations of triggers and outputs: encoding, poison queues, and errors."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

POISON_SUFFIX = "-poison"
#: longest queue name, in characters; a queue whose poison name is longer has no poison queue
_MAX_NAME = 63
_SERVER_ERROR = 500
_LOST = ("MessageNotFound", "PopReceiptMismatch", "QueueNotFound", "QueueBeingDeleted", "QueueDisabled")


class UndecodableError(Exception):
    """The text of a message is not base64, although host.json requires it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A received and locked message. `text` is the content of the queue, not decoded."""

    id: str
    pop_receipt: str
    text: str
    dequeue_count: int
    inserted: datetime
    expires: datetime
    next_visible: datetime


def decode(text: str, *, is_base64: bool) -> bytes:
    """Return the body of a message.

    Raises:
        UndecodableError: The text is not base64.
    """
    if not is_base64:
        return text.encode()
    try:
        # .NET's decoder ignores white space and rejects all other characters that are not base64.
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UndecodableError(f"a message is not base64 ({error}); send base64 or set messageEncoding none") from error


def encode(body: bytes, *, is_base64: bool) -> str:
    """Return the text of a message in the queue. As in .NET, without base64, bytes that are not UTF-8 are lost."""
    return base64.b64encode(body).decode() if is_base64 else body.decode(errors="replace")


def poison_name(queue: str) -> str | None:
    """Return the name of the poison queue of a queue. None for poison queues and for names that are too long."""
    if queue.endswith(POISON_SUFFIX) or len(queue + POISON_SUFFIX) > _MAX_NAME:
        return None
    return queue + POISON_SUFFIX


def is_lost(error: HttpResponseError) -> bool:
    """Return whether the message or its queue is gone, or another receiver has the message."""
    return getattr(error, "error_code", None) in _LOST


def brief(error: AzureError) -> str:
    """Return the first line of an error. Messages of the SDK repeat the whole response."""
    return str(error).partition("\n")[0]


def is_server_error(error: HttpResponseError) -> bool:
    """Return whether the service failed, so that another attempt may succeed."""
    return (error.status_code or 0) >= _SERVER_ERROR


async def receive(queue: QueueClient, count: int, lock_s: int) -> list[Delivery]:
    """Return up to `count` (1..32) messages, which are invisible to others for `lock_s` seconds."""
    pages = queue.receive_messages(messages_per_page=count, visibility_timeout=lock_s).by_page()
    async for page in pages:
        return [_delivery(message) async for message in page]
    return []


async def send(queue: QueueClient, text: str) -> None:
    """Send a message with the encoded `text`. A missing queue is created."""
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
