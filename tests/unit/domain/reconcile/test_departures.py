"""What confirms a departure, and what an approval is bound to."""

from shared.domain.directory import Existence
from shared.domain.ids import LocationId
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Origin, Profile, Reason, Recipient, Status
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.departures import confirm, deactivations
from shared.domain.reconcile.guard import digest
from tests.support.builders import person, recipient_id_for

BERLIN = LocationId("berlin")


def candidate(number: int) -> Candidate:
    """Return the n-th person as a candidate."""
    return Candidate(recipient=recipient_id_for(number), object_id=person(number), reason=Reason.LEFT_GROUP)


def test_only_a_clear_answer_confirms_a_departure() -> None:
    """An unknown answer, or none, proves nothing."""
    answers = {person(0): Existence.NOT_IN_SOURCE, person(1): Existence.UNKNOWN, person(2): Existence.FOUND}
    confirmed = confirm([candidate(number) for number in range(4)], answers, Preferences())
    assert [each.object_id for each in confirmed] == [person(0)]


def test_an_approval_is_bound_to_the_people() -> None:
    """In any order; the same number of other people is another set."""
    one, two, three = (candidate(number) for number in range(3))
    assert digest([(BERLIN, one), (BERLIN, two)]) == digest([(BERLIN, two), (BERLIN, one)])
    assert digest([(BERLIN, one), (BERLIN, two)]) != digest([(BERLIN, one), (BERLIN, three)])
    assert digest([(BERLIN, one)]) != digest([(LocationId("munich"), one)])


def test_only_active_recipients_of_the_directory_are_deactivated() -> None:
    """Those that a file or a person created stay, as do those that are not stored or not active any more."""
    active, of_file, by_hand, left = (
        Recipient(
            id=recipient_id_for(number), object_id=person(number), profile=Profile(), origin=origin, status=status
        )
        for number, (origin, status) in enumerate(
            [
                (Origin.DIRECTORY, Status.ACTIVE),
                (Origin.CSV, Status.ACTIVE),
                (Origin.MANUAL, Status.ACTIVE),
                (Origin.DIRECTORY, Status.DEACTIVATED_MANUALLY),
            ]
        )
    )
    stored = {recipient.id: recipient for recipient in (active, of_file, by_hand, left)}
    writes = deactivations([candidate(number) for number in range(5)], stored)
    assert [write.recipient.id for write in writes] == [active.id]
    assert writes[0].recipient.status is Status.DEACTIVATED_BY_SYNC
