"""Which stored values change when a person is erased, and which do not."""

from unicodedata import normalize

import msgspec
import pytest

from shared.domain.erasure.person import Identifier, Person
from shared.domain.erasure.values import NO_ADDRESS, without
from shared.domain.ids import ObjectId, RecipientId
from shared.domain.imports.csv_file import FileNotes, RowProblem
from shared.domain.preferences.email_filter import EmailFilter
from shared.domain.problem import Problem
from shared.domain.recipient import Change, ChangeKind, Profile, Reason
from shared.domain.reconcile.candidate import Candidate
from tests.support.builders import csv_recipient, directory_recipient, person, user

ADA = ObjectId("11111111-2222-4333-8444-555555555555")
PERSON = Person(
    recipients=frozenset({RecipientId("csv-0123456789abcdef")}),
    object_ids=frozenset({ADA}),
    addresses=frozenset({"ada@example.com"}),
    names=frozenset({"Ada Lovelace"}),
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ada@example.com", "erased"),
        ("The address ADA@example.com.", "The address erased."),
        (f"person:tenant:{ADA}", "person:tenant:erased"),
        ("r:csv-0123456789abcdef", "r:erased"),
        ("nada@example.com", "nada@example.com"),
        ("ada@example.community", "ada@example.community"),
        ("ada@example.com.au", "ada@example.com.au"),
        ("x.ada@example.com", "x.ada@example.com"),
        ("Ada Lovelace", "Ada Lovelace"),
    ],
)
def test_only_whole_ids_and_addresses_are_replaced(text: str, left: str) -> None:
    """A longer address that ends or begins alike is another one; names are looked for in sentences only."""
    assert without(text, PERSON) == left


def test_a_change_keeps_kind_and_reason_only() -> None:
    """By an id of its own, or by the recipient that it replaced."""
    mark = Change(kind=ChangeKind.UPDATED, reason=Reason.EDITED)
    before = csv_recipient("other-id", mail="Ada@example.com")
    for change in (
        Change(kind=mark.kind, reason=mark.reason, recipient=RecipientId("csv-0123456789abcdef"), display_name="Ada"),
        Change(kind=mark.kind, reason=mark.reason, object_id=ADA, fields=("mail",)),
        Change(kind=mark.kind, reason=mark.reason, recipient=before.id, before=before),
    ):
        assert without(change, PERSON) == mark


def test_another_person_keeps_an_address_in_common() -> None:
    """One who is matched with another directory user; the manager goes."""
    other = directory_recipient(person(7), Profile(mail="ada@example.com"))
    managed = msgspec.structs.replace(
        other, profile=msgspec.structs.replace(other.profile, manager_name="Ada L.", manager_mail="ADA@example.com")
    )
    assert without(managed, PERSON) == other


def test_references_leave_lists() -> None:
    """A candidate is nothing but a reference."""
    other = Candidate(recipient=RecipientId("r"), object_id=ObjectId("o"), reason=Reason.LEFT_GROUP)
    ada = Candidate(recipient=RecipientId("csv-0123456789abcdef"), object_id=ObjectId("a"), reason=Reason.LEFT_GROUP)
    assert without([ada, other], PERSON) == [other]
    assert without({ADA: 1, ObjectId("o"): 2}, PERSON) == {ObjectId("o"): 2}


def test_sentences_about_rows_go_also_for_a_word_of_the_name() -> None:
    """They quote values that may be wrong spellings of the person."""
    quoting = RowProblem(line=2, code="invalid_mail", detail="'lovelace at home' is not a valid e-mail address.")
    assert "lovelace" not in without(quoting, PERSON).detail
    problem = Problem(concerns="import", code="rows_refused", detail="The first is 'lovelace at home'.")
    assert "lovelace" not in without(problem, PERSON).detail
    assert without(FileNotes(guessed_names=("Lovelace, A.", "Zo\u00eb")), PERSON).guessed_names == ("Zo\u00eb",)
    other = RowProblem(line=3, code="invalid_mail", detail="'x' is not a valid e-mail address.")
    assert without(other, PERSON) is other


def test_a_filter_is_never_left_empty() -> None:
    """Without an entry it would admit everyone."""
    filter_ = without(EmailFilter(addresses=("Ada@Example.com",)), PERSON)
    assert filter_.addresses == (NO_ADDRESS,)
    filter_.require_sense()
    assert without(EmailFilter(), PERSON) == EmailFilter()


def test_what_is_found_adds_ids_addresses_and_names() -> None:
    """From a recipient by its address, from the directory by the id; of another person nothing is added."""
    asked = Person.of(Identifier.MAIL, " Ada@Example.com ")
    known = asked.with_recipient(
        directory_recipient(person(7), Profile(mail="ada@example.com", display_name="Ada Lovelace"))
    )
    assert (len(known.object_ids), known.names) == (1, frozenset({"Ada Lovelace"}))
    (object_id,) = known.object_ids
    listed = msgspec.structs.replace(user(7), id=object_id, other_mails=("ada@home.example",))
    assert "ada@home.example" in known.with_directory_user(listed).addresses
    assert known.with_directory_user(user(8)) == known
    assert known.with_recipient(csv_recipient("bob", mail="bob@example.com")) == known
    assert known.is_known_as(asked)
    both = known.with_recipient(directory_recipient(person(8), Profile(mail="ADA@example.com")))
    assert len(both.object_ids) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_a_file_names_the_person_in_its_encoding(encoding: str) -> None:
    """In the case of ASCII letters that the file has."""
    assert PERSON.is_in_file("name,mail\nX,ADA@example.com\n".encode(encoding))
    assert not PERSON.is_in_file("name,mail\nX,bob@example.com\n".encode(encoding))


@pytest.mark.parametrize("name", ["\u00c5sa \u00d6berg", "Иван Петров", "王小明", "山田 太郎"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "cp1252", "cp1251", "gb18030", "cp932"])
def test_names_of_all_alphabets_are_found(name: str, encoding: str) -> None:
    """In the usual cases and forms, in every encoding that can have them, and not in the file of other people."""
    named = Person(names=frozenset({name}))
    assert not named.is_in_file("name,mail\nGrace Hopper,grace@example.com\n".encode(encoding))
    for spelling in (name, name.upper(), name.lower()):
        try:
            file = f"name,mail\n{spelling},\n".encode(encoding)
        except UnicodeEncodeError:
            continue
        assert named.is_in_file(file)
    assert named.is_in(normalize("NFD", name).encode())
    assert named.without_names(f"'{name}' is not known.") == "'erased' is not known."


def test_a_profile_without_the_person_is_unchanged() -> None:
    """Also one whose manager has the same name and another address."""
    profile = Profile(display_name="Bob", manager_name="Ada Lovelace", manager_mail="other@example.com")
    recipient = msgspec.structs.replace(csv_recipient("bob"), profile=profile)
    assert without(recipient, PERSON) == recipient
