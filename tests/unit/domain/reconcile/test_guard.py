"""From when on deactivations wait for a person."""

import pytest

from shared.domain.ids import LocationId, RecipientId
from shared.domain.preferences.preferences import GuardLimits
from shared.domain.recipient import Reason
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.guard import Loss, breaches, digest
from tests.support.builders import person

BERLIN = LocationId("berlin")


def loss(candidates: int, baseline: int, day: int = 0, week: int = 0, location: LocationId = BERLIN) -> Loss:
    """Return what one location would lose."""
    return Loss(location=location, baseline=baseline, candidates=candidates, day=day, week=week or day)


@pytest.mark.parametrize(
    ("candidates", "baseline", "day", "held"),
    [
        (0, 100, 0, False),
        (0, 0, 0, False),
        (20, 100, 0, False),  # a fifth, but only 20 people
        (21, 100, 0, True),  # more than 10 % and more than 20
        (100, 1000, 0, False),  # exactly 10 %
        (101, 1000, 0, True),
        (21, 1000, 0, False),  # more than 20, but little of a large location
        (5, 10, 0, False),  # exactly half
        (6, 10, 0, True),  # more than half of a location with at least 10
        (5, 9, 0, False),  # a small location may lose most
        (9, 9, 0, True),  # but not everybody
        (1, 1, 0, True),
        (5, 170, 15, False),  # a slow drip below the limits of the day
        (15, 200, 10, True),  # and one above: 25 of 210 within 24 hours
    ],
)
def test_limits(candidates: int, baseline: int, day: int, held: bool) -> None:  # noqa: FBT001 - a table
    """Each row is one case at, or just beyond, a documented limit."""
    assert bool(breaches([loss(candidates, baseline, day)], GuardLimits())) is held


@pytest.mark.parametrize(("day", "week", "window"), [(16, 16, "24 hours"), (0, 16, "7 days"), (3, 16, "7 days")])
def test_a_slow_drip_counts(day: int, week: int, window: str) -> None:
    """Five of 100 are few; after 16 others in a day, or in a week, they are not."""
    assert breaches([loss(5, 100)], GuardLimits()) == ()
    (here, everywhere) = breaches([loss(5, 100, day, week)], GuardLimits())
    assert here.detail.endswith(f"after 16 in the last {window}")
    assert everywhere.location is None


def test_the_tenant_as_a_whole_is_guarded_too() -> None:
    """Many locations that each lose a little add up."""
    losses = [loss(15, 100, location=LocationId(f"l{number}")) for number in range(10)]
    (breach,) = breaches(losses, GuardLimits())
    assert breach.location is None
    assert "150 of 1000" in breach.detail


def test_the_digest_names_the_exact_set_in_any_order() -> None:
    """An approval is good for just these people at just these locations."""
    one = (BERLIN, Candidate(RecipientId("a"), person(1), Reason.LEFT_GROUP))
    two = (BERLIN, Candidate(RecipientId("b"), person(2), Reason.LEFT_GROUP))
    assert digest([one, two]) == digest([two, one]) != digest([one])
