"""Headers of the exports that people import, and what they mean."""

import time

import pytest

from shared.domain.imports.column_names import column_name
from shared.domain.imports.columns import columns_of, is_disabled
from shared.errors import Rejected

HEADERS = {
    "entra": (
        "userPrincipalName,displayName,surname,mail,givenName,id,userType,jobTitle,department,telephoneNumber,mobile",
        "display_name,surname,mail,given_name,job_title,department,business_phone,mobile_phone",
    ),
    "active directory": (
        "displayName,physicalDeliveryOfficeName,streetAddress,companyName",
        "display_name,office_location,street_address,company_name",
    ),
    "microsoft 365": (
        "Display name,First name,Last name,User principal name,Title,Department,Office,Phone number,Mobile Phone",
        "display_name,given_name,surname,mail,job_title,department,office_location,business_phone,mobile_phone",
    ),
    "exchange": (
        "DisplayName,PrimarySmtpAddress,WindowsEmailAddress,Office,Phone,Title,Company",
        "display_name,mail,office_location,business_phone,job_title,company_name",
    ),
    "google workspace": (
        "First Name [Required],Last Name [Required],Email Address [Required],Employee Title,Work Phone,Manager Email",
        "given_name,surname,mail,job_title,business_phone,manager_mail",
    ),
    "google contacts": (
        "Name,Given Name,Family Name,E-mail 1 - Value,Phone 1 - Value,Organization 1 - Name,Organization 1 - Title",
        "display_name,given_name,surname,mail,business_phone,company_name,job_title",
    ),
    "outlook german": (
        "Anrede,Vorname,Nachname,Firma,Abteilung,Position,Telefon geschäftlich,Mobiltelefon,E-Mail-Adresse,Büro",
        "given_name,surname,company_name,department,job_title,business_phone,mobile_phone,mail,office_location",
    ),
    "outlook french": (
        "Prénom,Nom,Société,Service,Fonction,Téléphone (bureau),Tél. mobile,Adresse de messagerie,Bureau",
        "given_name,surname,company_name,department,job_title,business_phone,mobile_phone,mail,office_location",
    ),
    "outlook spanish": (
        "Nombre,Apellidos,Organización,Departamento,Cargo,Teléfono del trabajo,Dirección de correo electrónico",
        "given_name,surname,company_name,department,job_title,business_phone,mail",
    ),
    "outlook dutch": (
        "Voornaam,Achternaam,Bedrijf,Afdeling,Functie,Telefoon op werk,Mobiele telefoon,E-mailadres",
        "given_name,surname,company_name,department,job_title,business_phone,mobile_phone,mail",
    ),
    "thunderbird": (
        "First Name,Last Name,Display Name,Nickname,Primary Email,Work Phone,Mobile Number,Job Title,Organization",
        "given_name,surname,display_name,mail,business_phone,mobile_phone,job_title,company_name",
    ),
}


@pytest.mark.parametrize(("header", "fields"), HEADERS.values(), ids=HEADERS)
def test_headers_of_exports(header: str, fields: str) -> None:
    """Each column that we have a field for."""
    assert [field for field in columns_of(header.split(",")).fields if field] == fields.split(",")


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("Name;Vorname", ["surname", "given_name"]),
        ("Nom;Prénom", ["surname", "given_name"]),
        ("Naam;Voornaam", ["surname", "given_name"]),
        ("Nombre;Apellidos", ["given_name", "surname"]),
        ("Name;Vorname;Nachname", ["display_name", "given_name", "surname"]),
        ("Name", ["display_name"]),
        ("Nombre", ["display_name"]),
        ("Name;Anzeigename", [None, "display_name"]),
    ],
)
def test_half_a_name(header: str, fields: list[str | None]) -> None:
    """A name is the whole one, unless the other half has a column of its own."""
    assert columns_of(header.split(";")).fields == fields


@pytest.mark.parametrize(
    ("column", "value", "disabled"),
    [
        ("accountEnabled", "False", True),
        ("accountEnabled", "TRUE", False),
        ("accountEnabled", "", False),
        ("Active", "no", True),
        ("Aktiv", "nein", True),
        ("Block credential", "True", True),
        ("Block credential", "False", False),
        ("Status [READ ONLY]", "Suspended", True),
        ("status", "deactivated_by_sync", False),
        ("Active", "active", False),
        ("Konto aktiviert", "Falsch", True),
        ("Blockiert", "Wahr", True),
        ("Compte activé", "Non", True),
        ("Bloquer la connexion", "Oui", True),
        ("Cuenta habilitada", "Falso", True),
        ("Bloquear credenciales", "Verdadero", True),
        ("Account ingeschakeld", "Onwaar", True),
        ("Referentie blokkeren", "True", True),
        ("Estado de la cuenta", "Habilitado", False),
        ("Accountstatus", "Uitgeschakeld", True),
        ("Account active", "0", True),
        ("Is Account Enabled", "0", True),
        ("Inactive user", "yes", True),
        ("Aktiv (ja/nein)", "nein", True),
        ("Sign-in status", "Sign-in blocked", True),
        ("Sign-in status", "Sign-in allowed", False),
    ],
)
def test_accounts_that_are_not_in_use(column: str, value: str, *, disabled: bool) -> None:
    """As the exports say it; the status of our own exports is not one of an account."""
    columns = columns_of(["Name", column])
    assert is_disabled(columns, ["Ann", value]) is disabled
    assert columns.unused == ()


def test_ids_of_other_programs_are_named() -> None:
    """Only in our own exports the columns that we write are not worth a word."""
    header = ["id", "displayName", "Reason", "Object Id"]
    assert [column.name for column in columns_of(header).unused] == ["id", "Reason", "Object Id"]
    assert columns_of(["id", "origin", "reason", "objectId", "displayName"]).unused == ()


@pytest.mark.parametrize("column", ["Interactive", "Active Directory", "Active projects", "User", "Account"])
def test_columns_that_only_resemble_a_state(column: str) -> None:
    """They do not keep a row from being applied, and are named as not used."""
    columns = columns_of(["Name", column])
    assert is_disabled(columns, ["Ann", "0"]) is False
    assert [unused.name for unused in columns.unused] == [column]


def test_a_state_that_cannot_be_understood() -> None:
    """Its value is returned, so that it can be refused."""
    assert is_disabled(columns_of(["Name", "accountEnabled"]), ["Ann", "perhaps"]) == "perhaps"


def test_columns_of_the_same_field_are_named() -> None:
    """Which of them is right cannot be told."""
    with pytest.raises(Rejected, match="'E-mail' and 'mail'"):
        columns_of(["E-mail", "mail"])


@pytest.mark.parametrize("name", ["[" * 12_000, "(" * 12_000, "[a]" * 4_000, " " * 12_000, "[" + " " * 12_000])
def test_a_long_name_costs_no_time(name: str) -> None:
    """Names of brackets only took a second each, for each row in which the header is looked for."""
    began_s = time.thread_time()
    column_name(name)
    assert time.thread_time() - began_s < 0.2
