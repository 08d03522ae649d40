"""Who should be a recipient at a location, and whether anybody may be called absent from it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.ids import MAIN, ConnectionId, ObjectId, SourceId, connection_of, is_whole_directory, whole_directory
from shared.domain.snapshots.verification import CompleteSnapshot

#: The source that is the whole directory of the one connection that a tenant has today.
EVERYONE: Final = whole_directory(MAIN)


class AbsenceProof:
    """Every source of a location was read completely in this run, so a person in none of them is absent.

    It proves nothing about people that another connection brought.

    There is one way to build it, `of`, and that way needs a CompleteSnapshot of each source.
    """

    __slots__ = ("connection", "unmapped")

    #: The connection whose people it is about.
    connection: ConnectionId
    #: The location has no source at all: everybody is absent because nothing feeds it any more.
    unmapped: bool

    def __init__(self) -> None:
        raise TypeError("an AbsenceProof is built by AbsenceProof.of only")

    @classmethod
    def of(
        cls, feeds: Sequence[SourceId], read: Mapping[SourceId, CompleteSnapshot], connection: ConnectionId = MAIN
    ) -> "AbsenceProof | None":
        """Return the proof; None if a source is another connection's, or was not read completely and conclusively."""
        for source in feeds:
            if source not in read or not read[source].conclusive or connection_of(source) != connection:
                return None
        proof = object.__new__(cls)
        proof.connection = connection
        proof.unmapped = not feeds
        return proof


def gather(
    feeds: Sequence[SourceId],
    read: Mapping[SourceId, CompleteSnapshot],
    chosen: Callable[[DirectoryUser], bool] | None = None,
) -> dict[ObjectId, DirectoryUser]:
    """Return every person in the sources that were read, once.

    Of the whole directory only those who are `chosen`, if that is given. Sources are read at different moments; where
    they disagree about a person, the last source by id is believed, so that the order in which they were read changes
    nothing. Of whom a group gave only the id, the whole directory says who it is; if it does not have them, nobody is.
    """
    people: dict[ObjectId, DirectoryUser] = {}
    for source in sorted(feeds):
        if source not in read:
            continue
        users = read[source].users
        if is_whole_directory(source) and chosen is not None:
            people.update((person, user) for person, user in users.items() if chosen(user))
        else:
            people.update(users)
    everyone = next((found.users for source, found in read.items() if is_whole_directory(source)), {})
    for person in [person for person, user in people.items() if user.only_id]:
        if person in everyone:
            people[person] = everyone[person]
        else:
            del people[person]
    return people
