"""Answers of the login service to a request for a token: only what azure-identity can read is passed on to it."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from azure.core.exceptions import ServiceResponseError
from msgspec import UNSET, Meta, UnsetType

#: A time or duration; the login service of version 1.0 writes texts.
_Seconds = Annotated[int, Meta(ge=0, le=10**10)] | Annotated[str, Meta(pattern="^[0-9]{1,10}$")] | UnsetType


class _Answer(msgspec.Struct):
    """The properties that azure-identity and its cache read, with the types that they expect.

    Source: https://www.rfc-editor.org/rfc/rfc6749#section-5.1 and 4.4.3, without refresh tokens.
    """

    access_token: Annotated[str, Meta(pattern="^[!-~]*$")] = ""
    token_type: str = "Bearer"  # noqa: S105 - the name of the type
    expires_in: _Seconds = UNSET
    expires_on: _Seconds = UNSET
    ext_expires_in: _Seconds = UNSET
    refresh_in: _Seconds = UNSET
    scope: str = ""
    error: str = ""
    error_description: str = ""
    refresh_token: UnsetType = UNSET
    id_token: UnsetType = UNSET
    client_info: UnsetType = UNSET


def require_usable(status: int, body: bytes) -> None:
    """Raise ServiceResponseError, which counts as an outage, unless a body is a token or says why there is none."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ServiceResponseError("the login service gave no usable JSON") from error
    is_token = bool(answer.access_token) and (answer.expires_in is not UNSET or answer.expires_on is not UNSET)
    if status == HTTPStatus.OK and not (is_token or answer.error):
        raise ServiceResponseError("the login service gave no token")
