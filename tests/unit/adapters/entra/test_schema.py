"""Graph's JSON: what is a page, what is a user, and what becomes of odd text."""

import json
from datetime import UTC, datetime

import pytest

from shared.adapters.entra.decoding import decode
from shared.adapters.entra.schema import (
    AssignmentPage,
    GraphApplication,
    GraphUser,
    GroupPage,
    IdPage,
    Membership,
    UserPage,
)
from shared.adapters.entra.user_mapping import MAX_ALIASES, MAX_TEXT, ids_of, is_named, patch_of, user_of
from shared.domain.directory import DirectoryUser, InactiveReason
from shared.domain.ids import ObjectId
from shared.errors import NeedsAttention, Transient

ID = "11111111-1111-4111-8111-111111111111"
ADA = {"id": ID, "userPrincipalName": "ada@example.com"}


def read(**properties: object) -> GraphUser:
    """Return a user as decoded from Graph's JSON."""
    return decode(json.dumps({"value": [ADA | properties]}).encode(), UserPage).value[0]


@pytest.mark.parametrize("kind", [UserPage, IdPage])
@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"null",
        b"[]",
        b"<html><body>Bad gateway</body></html>",
        b'{"value":[',
        b'{"value":null}',
        b'{"value":{}}',
        b'{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users"}',
        b'{"error":{"code":"UnknownError"}}',
        b'{"value":[],"error":{"code":"UnknownError"}}',
        b'{"value":[],"@odata.nextLink":""}',
        b'{"value":[],"@odata.nextLink":7}',
        b'{"value":[{"userPrincipalName":"nobody"}]}',
        b'{"value":[{"id":"../users"}]}',
        b'{"value":[null]}',
        b'{"value":' + b"[" * 100_000,
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_no_page_is_an_error(body: bytes | None, kind: type[UserPage | IdPage]) -> None:
    """None of these may pass for a last, empty page."""
    with pytest.raises(Transient) as refused:
        decode(body, kind)
    assert refused.value.code == "bad_answer"


@pytest.mark.parametrize("kind", [UserPage, IdPage, GroupPage, AssignmentPage, Membership])
@pytest.mark.parametrize(
    "name",
    ["@odata.nextlink", "@Odata.NextLink", "@nextLink", "odata.nextLink", "NEXTLINK", "members@odata.nextLink"],
)
def test_a_next_link_under_another_name(name: str, kind: type[UserPage]) -> None:
    """The page is not the last one; a null in place of the link, or a text that looks like it, changes nothing."""
    with pytest.raises(Transient) as refused:
        decode(f'{{"value":[],"{name}" : "https://graph.microsoft.com/v1.0/users"}}'.encode(), kind)
    assert refused.value.code == "bad_answer"
    for unharmed in (f'"{name}": null', f'"note":"\\"{name}\\":1"', f'"note":"{name}"'):
        assert decode(f'{{"value":[],{unharmed}}}'.encode(), kind).next_link is None


@pytest.mark.parametrize(
    ("properties", "inactive", "guest"),
    [
        ({"accountEnabled": True, "userType": "Member"}, None, False),
        ({"accountEnabled": False, "userType": "Guest"}, InactiveReason.DISABLED, True),
        ({"accountEnabled": None, "userType": None}, InactiveReason.UNKNOWN, False),
        ({}, InactiveReason.UNKNOWN, False),
        ({"userPrincipalName": "a_b.example#EXT#@c.example", "userType": None}, InactiveReason.UNKNOWN, True),
        ({"userPrincipalName": "a_b.example#ext#@c.example", "userType": "Member"}, InactiveReason.UNKNOWN, False),
    ],
)
def test_null_is_not_a_value(properties: dict[str, object], inactive: InactiveReason | None, guest: bool) -> None:  # noqa: FBT001 - a table
    """A withheld account status is unknown; a guest whose type is withheld is told by the name."""
    user = user_of(read(**properties))
    assert (user.inactive, user.guest) == (inactive, guest)


def test_a_change_to_null_is_no_change_of_the_type() -> None:
    """A change that shows null for the status makes it unknown, and leaves the type as it was."""
    assert patch_of(read(accountEnabled=None, userType=None))["inactive"] is InactiveReason.UNKNOWN
    assert "guest" not in patch_of(read(accountEnabled=None, userType=None))
    assert "inactive" not in patch_of(read(userType="Guest"))


def test_a_user_with_everything() -> None:
    """Every field of DirectoryUser is filled from the property it stands for."""
    names = ("displayName", "givenName", "surname", "mail", "mobilePhone", "department", "jobTitle", "officeLocation")
    found = read(
        id=ID.upper(),
        accountEnabled=False,
        userType="Guest",
        businessPhones=["+1", "+2"],
        employeeId="7",
        **{name: name for name in names},
    )
    assert user_of(found) == DirectoryUser(
        id=ObjectId(ID),
        user_principal_name="ada@example.com",
        inactive=InactiveReason.DISABLED,
        guest=True,
        display_name="displayName",
        given_name="givenName",
        surname="surname",
        mail="mail",
        mobile_phone="mobilePhone",
        business_phone="+1",
        department="department",
        job_title="jobTitle",
        office_location="officeLocation",
        employee_id="7",
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", None),
        (" \t ", None),
        (None, None),
        ("\x00\x1b[31mAda\r\n\u2028", "[31mAda"),
        ("  Ada\u00a0Lovelace ", "Ada\u00a0Lovelace"),
        ("\u3000Ada\u2003Lovelace\u1680", "Ada\u2003Lovelace"),
        ("A\x7fd\x85a\u2029", "Ada"),
        ("👩\u200d💻 =cmd|'/c calc'!A0", "👩\u200d💻 =cmd|'/c calc'!A0"),
        ("é" * 2_000, "é" * MAX_TEXT),
        ("漢" * MAX_TEXT, "漢" * MAX_TEXT),
    ],
)
def test_odd_text(text: str | None, kept: str | None) -> None:
    """Empty is None, control characters go, the rest stays up to the limit."""
    assert user_of(read(displayName=text)).display_name == kept


@pytest.mark.parametrize("kind", [UserPage, IdPage])
@pytest.mark.parametrize(
    "ids",
    [
        ["x" * 36],
        [ID, ID[:-1] + "g"],
        [ID + "a"],
        [ID[:-1]],
        [ID[:-1], ID + "a"],
        [""],
        [ID.replace("-", "1")],
        [ID, "-" + ID[:-1]],
        [ID[:-1] + "é"],
        [ID[:-1] + "\u0661"],
        [ID[:-1] + "\n"],
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
def test_an_id_that_is_none_spoils_the_page(ids: list[str], kind: type[UserPage | IdPage], escaped: bool) -> None:  # noqa: FBT001 - a parameter
    """It would become a key; two that have the right length together are none either."""
    listed = [{"id": id_, "userPrincipalName": "ada"} for id_ in ids]
    with pytest.raises(Transient):
        decode(json.dumps({"value": listed}, ensure_ascii=escaped).encode(), kind)


@pytest.mark.parametrize("ids", [[], [ID], [ID, ID.upper()], ["ABCDEF00-1111-4111-8111-111111111111"]])
def test_ids_alone(ids: list[str]) -> None:
    """Whatever else Graph says about somebody; in lower case, as they are compared."""
    body = json.dumps({"value": [{"@odata.type": "#microsoft.graph.user", "id": id_} for id_ in ids]}).encode()
    found = ids_of(decode(body, IdPage).value)
    assert found == [DirectoryUser.only(ObjectId(id_.lower())) for id_ in ids]


@pytest.mark.parametrize(
    ("escaped", "kept"),
    [
        (rb"Ada \ud83d", "Ada \ufffd"),
        (rb"\ude00 Ada", "\ufffd Ada"),
        (rb"\ud83d\ud83d\ude00", "\ufffd😀"),
        (rb"\ud83d\u0041", "\ufffdA"),
        (rb"\\ud83d \ud83d", "\\ud83d \ufffd"),
        (b"Ada \xed\xa0\xbd", "Ada \ufffd\ufffd\ufffd"),
    ],
)
def test_half_a_surrogate_pair_does_not_make_a_page_unreadable(escaped: bytes, kept: str) -> None:
    """A name cut within an emoji loses that character, and nobody else of the page is lost."""
    body = b'{"value":[{"id":"%s","userPrincipalName":"a","displayName":"%s"}]}' % (ID.encode(), escaped)
    assert user_of(decode(body, UserPage).value[0]).display_name == kept


@pytest.mark.parametrize("name", [None, "", "\x00"])
def test_users_without_a_name_are_unreadable(name: str | None) -> None:
    """A permission that was taken away comes as a 200 with nulls. A change without a name leaves the name as it was."""
    with pytest.raises(NeedsAttention) as refused:
        user_of(read(userPrincipalName=name))
    assert refused.value.code == "users_unreadable"
    assert "user_principal_name" not in patch_of(read(userPrincipalName=name))
    assert not is_named(read(userPrincipalName=name))


def test_a_patch_names_just_what_graph_named() -> None:
    """Null is a value, absence is none."""
    change = json.dumps({"value": [{"id": ID, "mail": None, "accountEnabled": True, "businessPhones": []}]})
    patch = patch_of(decode(change.encode(), UserPage).value[0])
    assert patch == {"mail": None, "inactive": None, "business_phone": None}


def test_aliases_are_the_other_smtp_addresses() -> None:
    """In lower case and sorted; the first address is `mail`, and other kinds of address are none."""
    listed = ["SMTP:Ada@example.com", "smtp:zoe@example.com", "Smtp:B@Example.com", "X500:/o=org", "SIP:ada@x", "smtp:"]
    found = read(proxyAddresses=[*listed, "smtp:two words@example.com", "smtp:b@example.com"])
    assert user_of(found).aliases == ("b@example.com", "zoe@example.com")
    assert patch_of(found)["aliases"] == ("b@example.com", "zoe@example.com")
    assert user_of(read(proxyAddresses=None)).aliases == ()
    assert "aliases" not in patch_of(read())
    many = [f"smtp:a{number}@example.com" for number in range(MAX_ALIASES + 9)]
    assert len(user_of(read(proxyAddresses=many)).aliases) == MAX_ALIASES


def test_a_primary_address_that_is_not_the_mail() -> None:
    """It is another address; the mail itself is none, in any case, under any prefix."""
    listed = ["SMTP:primary@example.com", "smtp:MAIL@example.com"]
    for mail, aliases in (
        ("mail@example.com", ["primary"]),
        ("other@example.com", ["mail", "primary"]),
        (None, ["mail", "primary"]),
    ):
        found = read(proxyAddresses=listed, mail=mail)
        expected = tuple(f"{name}@example.com" for name in aliases)
        assert user_of(found).aliases == patch_of(found)["aliases"] == expected


def test_other_mails_are_kept_for_matching() -> None:
    """In lower case and sorted, without what is no address."""
    found = read(otherMails=["Zoe@home.example", "ada@home.example", "", "nobody"])
    assert user_of(found).other_mails == patch_of(found)["other_mails"] == ("ada@home.example", "zoe@home.example")
    assert user_of(read(otherMails=None)).other_mails == ()
    assert "other_mails" not in patch_of(read())


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("9999-12-31T23:59:59.9999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2027-01-02T03:04:05.1234567Z", datetime(2027, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2027-01-02T03:04:05.1234567+00:00", datetime(2027, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("2027-01-02T03:04:05Z", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2027-01-02T03:04:05", datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("never", None),
        (None, None),
    ],
)
def test_the_end_of_a_secret_is_read_in_every_form(text: str | None, ends: datetime | None) -> None:
    """With seven decimals, without an end, or unreadable: one secret does not hide the others."""
    listed = [{"hint": "abc", "endDateTime": text}, {"hint": "xyz", "endDateTime": "2027-01-01T00:00:00Z"}]
    application = decode(json.dumps({"id": ID, "passwordCredentials": listed}).encode(), GraphApplication)
    assert [key.ends for key in application.password_credentials] == [ends, datetime(2027, 1, 1, tzinfo=UTC)]
