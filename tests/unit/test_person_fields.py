"""Every declared field of a person, on its whole way: directory, snapshot, recipient, row, API, CSV file and import."""

import io
import json
from typing import Any

import msgspec

from shared.adapters.entra.decoding import decode
from shared.adapters.entra.schema import TEXT_PATHS, GraphUser, UserPage
from shared.adapters.entra.user_mapping import patch_of, user_of
from shared.adapters.stores.recipient_rows import FULL_ROW, RowEncoder, recipient_of
from shared.domain.directory import DirectoryUser
from shared.domain.ids import ObjectId, RecipientId
from shared.domain.imports.csv_file import CsvFile, Row, export
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.attribute_map import Attributes
from shared.domain.preferences.filters import ATTRIBUTES
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import API_NAMES, PERSON_FIELDS, PROFILE_FIELDS, TEXT_FIELDS, Origin, Recipient, Status
from shared.triggers.http.schemas.recipients import FULL_BODY, RecipientView
from tests.support.builders import snapshot
from tests.support.graph_user import camel, properties_of
from tests.support.imports import decide_import

ID = "00000001-0000-4000-8000-000000000000"
#: The manager is another person, of whom the directory answers the id.
MANAGER = {"manager_name": "Grace Hopper", "manager_mail": "grace@example.com"}
TEXTS = {name: f"the {name}" for name in TEXT_FIELDS} | MANAGER | {"mail": "ada@example.com"}
#: The order in which snapshots store users, as arrays. Stored pages are read by position: never change an entry, and
#: append new fields at the end.
STORED_ORDER = (
    "id",
    "user_principal_name",
    "inactive",
    "guest",
    "display_name",
    "given_name",
    "surname",
    "mail",
    "mobile_phone",
    "business_phone",
    "department",
    "job_title",
    "office_location",
    "employee_id",
    "employee_type",
    "company_name",
    "aliases",
    "manager",
    "cost_center",
    "street_address",
    "other_mails",
)


def graph_user() -> dict[str, Any]:
    """Return a user as Graph sends it."""
    return {
        **properties_of({name: text for name, text in TEXTS.items() if name in TEXT_PATHS}),
        "id": ID,
        "userPrincipalName": "ada@contoso.com",
        "accountEnabled": True,
        "businessPhones": [TEXTS["business_phone"]],
        "proxyAddresses": ["smtp:a@example.com"],
    }


def read_user() -> DirectoryUser:
    """Return that user as it is read, which is the same from a listing, from a search and from a change."""
    page = decode(json.dumps({"value": [graph_user()]}).encode(), UserPage)
    user = user_of(page.value[0])
    nameless = DirectoryUser(ObjectId(ID), "x")
    assert user == msgspec.structs.replace(nameless, **patch_of(page.value[0]))
    return user


def recipient() -> Recipient:
    """Return the recipient that is made of the user, read back from a snapshot."""
    (user,) = snapshot("main:users", read_user()).users.values()
    profile = msgspec.structs.replace(Attributes().to_profile(user), **MANAGER)
    return Recipient(
        id=RecipientId("r"), origin=Origin.DIRECTORY, status=Status.ACTIVE, profile=profile, last_applied=profile
    )


def texts_of(struct: object) -> dict[str, str | None]:
    """Return the text fields of a profile, or of what has the same fields."""
    return {name: getattr(struct, name) for name in TEXT_FIELDS}


def test_the_directory_fills_every_field() -> None:
    """From the property that the schema names, through a snapshot; a text that is empty or absent is not known."""
    found = recipient()
    assert texts_of(found.profile) == TEXTS
    assert found.profile.aliases == ("a@example.com",)
    for properties in ({}, {key: "" for key, value in graph_user().items() if isinstance(value, str)}):
        named = {"id": ID, "userPrincipalName": "ada@contoso.com", "accountEnabled": True}
        page = decode(json.dumps({"value": [properties | named]}).encode(), UserPage)
        assert user_of(page.value[0]) == DirectoryUser(ObjectId(ID), "ada@contoso.com")


def test_a_change_names_only_what_the_directory_mentions() -> None:
    """A property that is absent is unchanged, also inside another; one that is null is emptied."""
    mentioned = {path[-1] for path in TEXT_PATHS.values() if path[-1] in TEXT_FIELDS}
    hollow: dict[str, object] = {camel(path[0]): {} for path in TEXT_PATHS.values() if len(path) > 1}
    assert patch_of(msgspec.convert({"id": ID}, GraphUser)) == {}
    assert patch_of(msgspec.convert({"id": ID, **hollow}, GraphUser)) == {}
    emptied = {camel(path[0]): None for path in TEXT_PATHS.values() if path[-1] in mentioned}
    assert patch_of(msgspec.convert({"id": ID, **emptied}, GraphUser)) == dict.fromkeys(mentioned)


def test_every_field_is_stored_and_answered() -> None:
    """As a column of the recipient's row, and by its name in the API; the body of a change takes the same names."""
    stored = recipient()
    (row,) = RowEncoder().rows("contoso:desk", [stored])
    assert recipient_of(msgspec.json.decode(row.content, type=FULL_ROW)) == stored
    answered = json.loads(msgspec.json.encode(RecipientView.of(stored)))
    texts = {API_NAMES[name]: text for name, text in TEXTS.items()}
    assert texts.items() <= answered.items()
    assert texts.items() <= json.loads(row.content).items()
    assert msgspec.json.decode(json.dumps(texts), type=FULL_BODY).fields() == TEXTS


def test_an_export_is_imported_as_it_was() -> None:
    """Every field has a column, whose cell comes back as the value of that field."""
    found = CsvFile(io.BytesIO(export([recipient()])))
    people = [row for row in found if isinstance(row, Row)]
    (write,) = decide_import(people, [], Preferences(), ImportMode.MERGE).writes
    assert texts_of(write.recipient.profile) == TEXTS


def test_every_name_of_a_column_leads_to_its_field() -> None:
    """However it is spelled, and to no other field."""
    for field, about in PERSON_FIELDS.items():
        for column in (field, API_NAMES[field], *about.csv):
            beside = "mail" if field == "display_name" else "name"
            (row,) = CsvFile(io.BytesIO(f"{column.upper()},{beside}\na@example.com,a@example.com\n".encode()))
            assert isinstance(row, Row)
            assert row.fields[field] == "a@example.com"


def test_people_can_tell_the_fields_apart() -> None:
    """No two have the same label."""
    labels = [field.label for field in PERSON_FIELDS.values()]
    assert len(set(labels)) == len(labels)


def test_stored_snapshots_stay_readable() -> None:
    """Users are stored as arrays: the order of their fields never changes, and a new field is the last one."""
    assert DirectoryUser.__struct_fields__ == STORED_ORDER
    user = read_user()
    assert msgspec.to_builtins(user) == [msgspec.to_builtins(getattr(user, name)) for name in STORED_ORDER]
    assert msgspec.convert([ID, "ada@contoso.com"], DirectoryUser) == DirectoryUser(ObjectId(ID), "ada@contoso.com")


def test_what_the_directory_knows_is_in_the_registry() -> None:
    """Fields of a profile come from a field of the same name, but for the manager, who is another person."""
    missing = set(PROFILE_FIELDS) - set(DirectoryUser.__struct_fields__)
    assert missing == set(MANAGER)
    assert set(ATTRIBUTES.values()) == set(TEXT_FIELDS) - missing | {"user_principal_name"}
