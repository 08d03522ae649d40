"""Desired state of a location, and the proof of absence without which no recipient is a candidate for deactivation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from shared.domain.directory import DirectoryUser
from shared.domain.ids import MAIN, ConnectionId, ObjectId, SourceId, connection_of, is_whole_directory, whole_directory
from shared.domain.snapshots.verification import CompleteSnapshot

#: Source id of the whole directory of the main connection, the only connection of a tenant today.
EVERYONE: Final = whole_directory(MAIN)


class AbsenceProof:
    """Proof that all sources of a location were read completely in this run, so a person in none of them is absent.

    It proves nothing about people of another connection. It can only be created by `of`, which requires a
    CompleteSnapshot of every source for it.

    Exception: if a source could not be read, the proof is about `accounts` only. That source may contain a person who
    is in none of the others, so their absence proves nothing. But a person whose account this run's existence check
    proves deleted or disabled leaves all the same, within the guard.
    """

    __slots__ = ("accounts", "connection", "unmapped")

    #: Whether only the existence check, and only what it says about the account itself, proves a departure.
    accounts: bool
    #: The connection to whose people the proof applies.
    connection: ConnectionId
    #: Whether the location has no source any more, so that all its people are absent.
    unmapped: bool

    def __init__(self) -> None:
        raise TypeError("an AbsenceProof is built by AbsenceProof.of only")

    @classmethod
    def of(
        cls, source_ids: Sequence[SourceId], read: Mapping[SourceId, CompleteSnapshot], connection: ConnectionId = MAIN
    ) -> "AbsenceProof | None":
        """Create the proof; None if a source is of another connection, or was not read conclusively.

        It is about `accounts` only if a source is not among those that were read completely.
        """
        for source in source_ids:
            if connection_of(source) != connection or (source in read and not read[source].conclusive):
                return None
        proof = object.__new__(cls)
        proof.accounts = not all(source in read for source in source_ids)
        proof.connection = connection
        proof.unmapped = not source_ids
        return proof


def union_of_sources(
    source_ids: Sequence[SourceId],
    read: Mapping[SourceId, CompleteSnapshot],
    chosen: Callable[[DirectoryUser], bool] | None = None,
) -> dict[ObjectId, DirectoryUser]:
    """Return the union of the sources that were read, without duplicates.

    From the whole directory, only users for which `chosen` returns True are included, if it is given. Sources are read
    at different times. If they differ about a user, the last source by id wins, so the order of reading is irrelevant.
    Users known only by id are looked up in the whole directory; users missing there are ignored.
    """
    people: dict[ObjectId, DirectoryUser] = {}
    for source in sorted(source_ids):
        if source not in read:
            continue
        users = read[source].users
        if is_whole_directory(source) and chosen is not None:
            people.update((person, user) for person, user in users.items() if chosen(user))
        elif is_whole_directory(source):
            people.update(users)
        else:  # a bare id does not replace what another group says about the user
            people.update((person, user) for person, user in users.items() if not (user.only_id and person in people))
    everyone = next((snapshot.users for source, snapshot in read.items() if is_whole_directory(source)), {})
    for person in [person for person, user in people.items() if user.only_id]:
        if person in everyone:
            people[person] = everyone[person]
        else:
            del people[person]
    return people
