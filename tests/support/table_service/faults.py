"""Error responses, as Table Storage words them."""

from http import HTTPStatus

import msgspec


class Refusal(Exception):
    """A request, or an operation of a batch, is not executed."""

    def __init__(self, status: HTTPStatus, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message or code

    def body(self, index: int | None = None) -> bytes:
        """Return the body of the response. In a batch, the message starts with the index of the operation."""
        value = self.message if index is None else f"{index}:{self.message}"
        return msgspec.json.encode({"odata.error": {"code": self.code, "message": {"lang": "en-US", "value": value}}})


def bad_request(code: str, message: str = "") -> Refusal:
    """Return the error for an invalid request."""
    return Refusal(HTTPStatus.BAD_REQUEST, code, message)


def not_found(code: str = "ResourceNotFound") -> Refusal:
    """Return the error for a missing table or row."""
    return Refusal(HTTPStatus.NOT_FOUND, code)


def exists() -> Refusal:
    """Return the error for inserting an existing row."""
    return Refusal(HTTPStatus.CONFLICT, "EntityAlreadyExists")


def changed() -> Refusal:
    """Return the error for an ETag that no longer matches."""
    return Refusal(HTTPStatus.PRECONDITION_FAILED, "UpdateConditionNotSatisfied")


def too_large(code: str = "RequestBodyTooLarge") -> Refusal:
    """Return the error for a body that exceeds a limit."""
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code)


def busy() -> Refusal:
    """Return the error for exceeding the rate limits."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "ServerBusy")
