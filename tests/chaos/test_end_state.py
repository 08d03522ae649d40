"""Differences from the twin, and between history and journals, are found."""

from collections import Counter

import msgspec

from shared.domain.ids import TenantId
from shared.domain.recipient import Counts
from shared.domain.run import LocationReport
from tests.chaos.end_state import history_differences, recipient_differences, staged_differences
from tests.support.samples import LOCATION, RUN, a_run

_TWO = Counts(created=2)


def test_a_history_that_says_what_the_journals_say() -> None:
    """Nothing is found, not even for a run that wrote nothing."""
    reported = msgspec.structs.replace(a_run(TenantId("a")), locations={LOCATION: LocationReport(counts=_TWO)})
    assert history_differences([reported], {(RUN, LOCATION): _TWO}) == []
    assert history_differences([a_run(TenantId("a"))], {}) == []


def test_a_change_that_the_history_lacks_is_found() -> None:
    """Also one that only the history has."""
    silent = a_run(TenantId("a"))
    loud = msgspec.structs.replace(silent, locations={LOCATION: LocationReport(counts=_TWO)})
    assert "0 in the history, 2 in the journals" in history_differences([silent], {(RUN, LOCATION): _TWO})[0]
    assert "2 in the history, 0 in the journals" in history_differences([loud], {})[0]


def test_each_difference_of_recipients_is_found() -> None:
    """One that is missing, one too many, one that differs."""
    twin = {("hall", "a"): b"1", ("hall", "b"): b"1"}
    assert recipient_differences(twin, dict(twin)) == []
    found = recipient_differences({("hall", "b"): b"2", ("desk", "a"): b"1"}, twin)
    assert [one.partition(":")[0] for one in found] == [
        "1 recipients are missing",
        "1 recipients are extra",
        "1 recipients are different",
    ]


def test_rows_that_were_left_behind_are_found() -> None:
    """More rows than the twin has; fewer are not leftovers."""
    assert staged_differences(Counter({"snapshot partition": 2}), Counter({"snapshot partition": 1})) == [
        "1 more rows than the twin: snapshot partition"
    ]
    assert staged_differences(Counter(), Counter({"snapshot partition": 1})) == []
