"""What confirms a departure, and what an approval is bound to."""

from shared.domain.directory import Existence
from shared.domain.ids import LocationId
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Reason
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.departures import confirm
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
