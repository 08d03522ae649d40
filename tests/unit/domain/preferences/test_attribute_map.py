"""What of a directory user goes into which field."""

import pytest

from shared.domain.preferences.attribute_map import Attributes
from shared.domain.recipient import Profile
from shared.errors import Rejected
from tests.support.builders import user

ADA = user(1, department="Engines", company_name="Analytical", employee_id="7", mobile_phone="0170 1234567")


def test_by_default_each_field_is_the_attribute_of_its_name() -> None:
    """Also what the directory does not know: a null is a value."""
    assert Attributes().to_profile(ADA) == Profile(
        display_name="User 1",
        mail="user1@example.com",
        department="Engines",
        company_name="Analytical",
        employee_id="7",
        mobile_phone="0170 1234567",
    )


def test_a_field_is_taken_from_elsewhere_or_left_out() -> None:
    """Two fields can be swapped: all are taken from what the directory said."""
    swapped = {
        "department": "companyName",
        "companyName": "department",
        "employeeId": None,
        "jobTitle": "userPrincipalName",
    }
    said = Attributes(map=swapped).to_profile(ADA)
    assert (said.department, said.company_name, said.employee_id) == ("Analytical", "Engines", None)
    assert said.job_title == "user1@example.com"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("0170 1234567", "DE", "+491701234567"),
        ("+49 (30) 901820", "US", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("(425) 555-0100", "US", "+14255550100"),
        ("030 901820 ext. 12", "DE", "+4930901820 ext. 12"),
        ("030 901820 x12", "DE", "+4930901820 ext. 12"),
        ("tel:+49-30-901820;ext=12", "DE", "+4930901820 ext. 12"),
        ("030 1234567 Anna", "DE", "030 1234567 Anna"),
        ("030 1234567 a", "DE", "030 1234567 a"),
        ("Anna 030 1234567", "DE", "Anna 030 1234567"),
        ("030 901820 Durchwahl 12", "DE", "030 901820 Durchwahl 12"),
        ("1-800-FLOWERS", "US", "1-800-FLOWERS"),
        ("030 / 901820", "DE", "+4930901820"),
        ("030 901820-0 / -99", "DE", "030 901820-0 / -99"),
        ("030901820;030901821", "DE", "030901820;030901821"),
        ("030901820, 030 901821", "DE", "030901820, 030 901821"),
        ("call the desk", "DE", "call the desk"),
        ("12", "DE", "12"),
        ("0170 1234567", None, "0170 1234567"),
    ],
)
def test_phone_numbers(text: str, country: str | None, expected: str) -> None:
    """E.164 where a default country is set; what is no number stays as it is."""
    attributes = Attributes(default_country=country)
    said = attributes.to_profile(user(1, mobile_phone=text, business_phone=None))
    assert (said.mobile_phone, said.business_phone) == (expected, None)
    assert attributes.to_profile(user(1, mobile_phone=said.mobile_phone)).mobile_phone == expected


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes(map={"mail": "userPrincipalName"}),
        Attributes(map={"department": "manager"}),
        Attributes(map={"job_title": "department"}),
        Attributes(map={"aliases": None}),
        Attributes(default_country="de"),
        Attributes(default_country="XX"),
        Attributes(default_country=""),
    ],
)
def test_what_makes_no_sense_is_refused(attributes: Attributes) -> None:
    """The address cannot be taken from elsewhere: it tells who somebody is."""
    with pytest.raises(Rejected) as refused:
        attributes.require_sense()
    assert refused.value.code == "invalid_preferences"
