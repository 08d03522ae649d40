"""What the service refuses, in its own words."""

from http import HTTPStatus

import msgspec


class Refusal(Exception):
    """A request, or one operation of a batch, that is not done."""

    def __init__(self, status: HTTPStatus, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message or code

    def body(self, index: int | None = None) -> bytes:
        """Return the answer's body; within a batch its message begins with the number of the operation."""
        value = self.message if index is None else f"{index}:{self.message}"
        return msgspec.json.encode({"odata.error": {"code": self.code, "message": {"lang": "en-US", "value": value}}})


def bad_request(code: str, message: str = "") -> Refusal:
    """Return the refusal of what can never be done."""
    return Refusal(HTTPStatus.BAD_REQUEST, code, message)


def not_found(code: str = "ResourceNotFound") -> Refusal:
    """Return the refusal of what is about something that is not there."""
    return Refusal(HTTPStatus.NOT_FOUND, code)


def exists() -> Refusal:
    """Return the refusal of inserting what is there already."""
    return Refusal(HTTPStatus.CONFLICT, "EntityAlreadyExists")


def changed() -> Refusal:
    """Return the refusal of a change to what somebody else has changed."""
    return Refusal(HTTPStatus.PRECONDITION_FAILED, "UpdateConditionNotSatisfied")


def too_large(code: str = "RequestBodyTooLarge") -> Refusal:
    """Return the refusal of a body that exceeds a limit."""
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code)


def busy() -> Refusal:
    """Return the refusal of more than the service can do."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "ServerBusy")
