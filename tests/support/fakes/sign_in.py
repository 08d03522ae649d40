"""Sign-in without cryptography: the header says who sends the request."""

from collections.abc import Mapping

from shared.domain.access.callers import Person
from shared.errors import Unauthenticated


class FakeSignIn:
    """`SignIn` that knows people by the text of their bearer token."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}

    async def person(self, headers: Mapping[str, str]) -> Person:
        """Return the signed-in person. Raises: Unauthenticated."""
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.people:
            raise Unauthenticated("Nobody is signed in.", code="not_signed_in")
        return self.people[token]
