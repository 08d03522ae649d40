"""What the host gives a function."""

import azure.functions as func


class Message(func.QueueMessage):
    """A queue message as the worker hands it over."""

    def __init__(self, body: str, *, dequeue_count: int = 1, id_: str = "message-1") -> None:
        super().__init__(id=id_, body=body.encode())
        self._count = dequeue_count

    @property
    def dequeue_count(self) -> int:
        """How often it was delivered, this time included."""
        return self._count
