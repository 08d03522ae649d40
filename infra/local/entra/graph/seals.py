"""Signed opaque values that only the simulator can create: skip tokens and delta tokens."""

import base64
import binascii
import hashlib
import hmac
from typing import TypeVar

import msgspec

_KEY = b"the local simulator's own key; it protects test data only"
_TAG_BYTES = 9

Sealed = TypeVar("Sealed", bound=msgspec.Struct)


class BadSeal(Exception):
    """The value was not created here, or it was modified."""


def seal(content: msgspec.Struct) -> str:
    """Return `content` as signed text that is safe in a URL."""
    body = msgspec.msgpack.encode(content)
    return base64.urlsafe_b64encode(_tag(type(content), body) + body).rstrip(b"=").decode()


def open_seal(text: str, kind: type[Sealed]) -> Sealed:
    """Return the content of a signed value.

    Raises:
        BadSeal: The value is not a seal of `kind`.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        tag, body = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
        if hmac.compare_digest(tag, _tag(kind, body)):
            return msgspec.msgpack.decode(body, type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise BadSeal(str(error)) from error
    raise BadSeal("The signature does not match.")


def _tag(kind: type[msgspec.Struct], body: bytes) -> bytes:
    return hmac.digest(_KEY, kind.__name__.encode() + b":" + body, hashlib.sha256)[:_TAG_BYTES]
