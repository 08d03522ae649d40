"""Questions about accounts: a bounded number a run, and every candidate in turn."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import RecipientId
from shared.domain.recipient import Reason
from shared.domain.reconcile.candidate import Candidate
from shared.domain.reconcile.questions import MAX_QUESTIONS, Questions, share_of
from tests.support.builders import person

PEOPLE = st.sets(st.integers(0, 40), max_size=30)


def ask(people: set[int], limit: int, after: RecipientId | None) -> tuple[list[int], RecipientId | None]:
    """Return the people that one run asks about, and where the next one continues."""
    questions = Questions(limit, after)
    for number in sorted(people):
        questions.add(Candidate(RecipientId(f"{number:02d}"), person(number), Reason.LEFT_GROUP, account_only=True))
    return [int(each.recipient) for each in questions.chosen], questions.last


@given(PEOPLE, st.integers(1, 12), st.one_of(st.none(), st.integers(0, 40).map(lambda number: f"{number:02d}")))
def test_everybody_is_asked_about_in_turn(people: set[int], limit: int, after: str | None) -> None:
    """After as many runs as the number needs, wherever the last run ended; no run asks about more."""
    asked: list[int] = []
    last = RecipientId(after) if after is not None else None
    for _ in range(-(-len(people) // limit)):
        chosen, last = ask(people, limit, last)
        assert len(chosen) == min(limit, len(people))
        assert len(set(chosen)) == len(chosen)
        asked += chosen
    assert set(asked) == people


def test_a_few_need_no_place_to_continue() -> None:
    """All of them are asked about in every run."""
    assert ask({1, 2}, 2, None) == ([1, 2], None)
    assert ask({1, 2, 3}, 2, None) == ([1, 2], "02")
    assert ask({1, 2}, 0, None) == ([], None)


def test_locations_share_the_number_of_a_run() -> None:
    """Each of very many may ask about one person."""
    assert [share_of(locations) for locations in (0, 1, 4, 10_000)] == [MAX_QUESTIONS, MAX_QUESTIONS, 250, 1]
