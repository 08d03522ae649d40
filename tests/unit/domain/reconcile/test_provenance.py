"""Which mapped groups put somebody at a location."""

from shared.domain.directory import Source
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import ChangeKind, Reason
from shared.domain.reconcile.decide import decide
from shared.domain.reconcile.provenance import MAX_GROUPS, Provenance
from tests.support.builders import desired, person, snapshot, user

STAFF, TEMPS = person(101), person(102)
SOURCES = {source.id: source for source in (Source(), Source(group=STAFF), Source(group=TEMPS, transitive=False))}
FEEDS = [Source(group=STAFF).id, Source(group=TEMPS, transitive=False).id]


def test_every_group_that_holds_somebody_is_named() -> None:
    """Sorted; the whole directory is no group."""
    read = {name: snapshot(name, user(1), *extra) for name, extra in zip(FEEDS, ([user(2)], []), strict=True)}
    found = Provenance.of(SOURCES, [*FEEDS, Source().id], {**read, Source().id: snapshot("users", user(1), user(3))})
    told = [found.groups(person(number), ()) for number in (1, 2, 3)]
    assert told == [(STAFF, TEMPS), (STAFF,), ()]


def test_of_a_group_that_could_not_be_read_what_was_known_stands() -> None:
    """And of one that could, only what it says now."""
    found = Provenance.of(SOURCES, FEEDS, {FEEDS[0]: snapshot(FEEDS[0], user(1))})
    assert found.groups(person(1), ()) == (STAFF,)
    assert found.groups(person(1), (TEMPS,)) == (STAFF, TEMPS)
    assert found.groups(person(2), (STAFF, TEMPS)) == (TEMPS,)


def test_a_group_that_is_mapped_in_two_ways_is_named_once() -> None:
    """Directly and with what is within it, in whatever order they stand."""
    ways = [Source(group=STAFF), Source(group=TEMPS), Source(group=STAFF, transitive=False)]
    sources = {each.id: each for each in ways}
    read = {name: snapshot(name, user(1)) for name in sources}
    for feeds in (list(sources), list(reversed(sources))):
        assert Provenance.of(sources, feeds, read).groups(person(1), ()) == (STAFF, TEMPS)


def test_no_more_groups_are_kept_than_a_row_holds() -> None:
    """The first by id."""
    many = [person(1000 + number) for number in range(MAX_GROUPS + 5)]
    assert Provenance(held_by={person(1): many}).groups(person(1), ()) == tuple(many[:MAX_GROUPS])


def test_a_move_from_group_to_group_is_a_change_with_its_reason() -> None:
    """Stored once; decided again, nothing is left to do."""
    here = desired(user(1))
    (created,) = decide(here, [], Preferences(), None, Provenance(held_by={person(1): [STAFF]})).writes
    assert created.recipient.groups == (STAFF,)
    moved = Provenance(held_by={person(1): [TEMPS]})
    (write,) = decide(here, [created.recipient], Preferences(), None, moved).writes
    assert (write.change.kind, write.change.reason) == (ChangeKind.UPDATED, Reason.GROUPS_CHANGED)
    assert (write.recipient.groups, write.change.fields) == ((TEMPS,), ())
    assert decide(here, [write.recipient], Preferences(), None, moved).writes == ()
