"""Which text is an id, and which id a directory's recipient has."""

import pytest

from shared.domain.connections.entra.guid import guid, is_guid
from shared.domain.ids import MAIN, ConnectionId, object_id, recipient_id, recipient_id_of
from shared.errors import Rejected
from tests.support.builders import person
from tests.support.ids import HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_the_id_of_a_person_is_any_text(text: str) -> None:
    """It is taken unchanged, so that two people stay two."""
    assert object_id(text) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "a\nb", "a\x00", "a\x7f", "a\x85", "half of an emoji \ud83d"])
def test_other_text_is_not_an_id(text: str) -> None:
    """It is refused, and not repeated, because it may be a secret in the wrong field."""
    with pytest.raises(Rejected) as refused:
        object_id(text)
    assert refused.value.code == "invalid_object_id"
    assert not text or text not in str(refused.value)


def test_the_id_of_a_recipient_is_stable() -> None:
    """It is stored: another one would make every person a newcomer."""
    assert recipient_id_of(MAIN, person(1)) == "5188788551bb465a4225eaea6c0e6067"
    assert recipient_id(recipient_id_of(MAIN, HOSTILE[-3])) == recipient_id_of(MAIN, HOSTILE[-3])


def test_connections_that_share_an_id_share_no_recipient() -> None:
    """Each directory has people of its own."""
    other = ConnectionId("other")
    assert recipient_id_of(MAIN, person(1)) != recipient_id_of(other, person(1))
    assert len({recipient_id_of(each, text) for each in (MAIN, other) for text in HOSTILE}) == 2 * len(HOSTILE)


def test_an_id_of_entra_id_is_a_guid() -> None:
    """Entered in any case, with space around it; what is refused is repeated only if it cannot be a secret."""
    assert guid(f" {person(1).upper()} ") == person(1)
    assert is_guid(person(1).upper())
    for text, shown in (("00000000-0000", True), ("the~secret", False), (person(1) + "0", True)):
        assert not is_guid(text)
        with pytest.raises(Rejected, match="must be a GUID") as refused:
            guid(text)
        assert (text in str(refused.value)) is shown
