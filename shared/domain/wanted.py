"""Who should be a recipient at a location, and whether anybody may be called absent from it."""

from collections.abc import Mapping, Sequence

from shared.domain.directory import DirectoryUser
from shared.domain.filters import address_of
from shared.domain.ids import ObjectId, SourceId
from shared.domain.recipient import Profile
from shared.domain.snapshot import CompleteSnapshot


class AbsenceProof:
    """Every source of a location was read completely in this run, so whoever is in none of them is absent.

    There is one way to build it, `of`, and that way needs a CompleteSnapshot of each source.
    """

    __slots__ = ("unmapped",)

    #: The location has no source at all: everybody is absent because nothing feeds it any more.
    unmapped: bool

    def __init__(self) -> None:
        raise TypeError("an AbsenceProof is built by AbsenceProof.of only")

    @classmethod
    def of(cls, feeds: Sequence[SourceId], read: Mapping[SourceId, CompleteSnapshot]) -> "AbsenceProof | None":
        """Return the proof, or None if a source is missing from what was read completely."""
        if any(source not in read for source in feeds):
            return None
        proof = object.__new__(cls)
        proof.unmapped = not feeds
        return proof


def gather(feeds: Sequence[SourceId], read: Mapping[SourceId, CompleteSnapshot]) -> dict[ObjectId, DirectoryUser]:
    """Return everybody in the sources that were read, each once, in the order of their ids.

    Sources are read at different moments; where they disagree about a person, the last source by id is believed, so
    that the order in which they were read changes nothing.
    """
    people: dict[ObjectId, DirectoryUser] = {}
    for source in sorted(feeds):
        if source in read:
            people.update(read[source].users)
    return dict(sorted(people.items()))


def profile_of(user: DirectoryUser) -> Profile:
    """Return what the directory says about a person."""
    return Profile(
        display_name=user.display_name,
        given_name=user.given_name,
        surname=user.surname,
        mail=address_of(user),
        mobile_phone=user.mobile_phone,
        business_phone=user.business_phone,
        department=user.department,
        job_title=user.job_title,
        office_location=user.office_location,
        employee_id=user.employee_id,
        employee_type=user.employee_type,
        company_name=user.company_name,
    )
