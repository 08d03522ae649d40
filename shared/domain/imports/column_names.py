"""Names of columns in the exports of other programs, and which field each of them means."""

import re
import unicodedata
from typing import Final

from shared.domain.recipient import API_NAMES, PERSON_FIELDS
from shared.domain.text import without_invisible

#: What exports write behind a name, such as `[Required]`, or `[displayName] Required`.
_BRACKETS: Final = re.compile(r"\[([^\[\]]*)\](?:\s*Required\b)?", re.IGNORECASE)
#: What lists write behind a name without changing its meaning.
_QUALIFIER: Final = re.compile(
    r"\((?:full|voll|vollst\u00e4ndig|complet|work|office|business|gesch\u00e4ftlich|dienstlich|beruflich|professionnel|"
    r"yes/no|y/n|ja/nein|j/n|oui/non|o/n|s[i\u00ed]/no|s/n|ja/nee|true/false|"
    r"required|optional|mandatory|pflichtfeld|obligatoire|obligatorio)\)",
    re.IGNORECASE,
)
#: Maximum length of a name or a state that is compared, in characters; a longer text is neither.
_MAX_NAME: Final = 200
#: A formula that is only a text, which keeps the zeros of `="00123"` in Excel.
TEXT_FORMULA: Final = re.compile(r'\s*=\s*"((?:[^"]|"")*)"\s*')
#: Further names, in the exports of Entra ID, Active Directory, Microsoft 365, Exchange, Google, Outlook and Thunderbird
#: and in lists of employees, in English, German, French, Spanish and Dutch. Each is used if no column has a name of the
#: field's own; of several, the first.
_EXPORTS: Final = {
    "display_name": "nom complet, nom affiché, nom à afficher, nom d'affichage, nombre completo, nombre para mostrar, "
    "nombre a mostrar, nombre mostrado, weergegeven naam, angezeigter name, "
    "weergavenaam, volledige naam, vollständiger name, employee name, cn",
    "given_name": "prénom, nombre de pila, voornaam, rufname",
    "surname": "familienname, zuname, nom de famille, apellidos, apellido, achternaam, sn",
    "mail": "primary email, primary smtp address, windows email address, e-mail 1 - value, work email, business email, "
    "e-mail-adresse, mailadresse, e-mail geschäftlich, e-mail dienstlich, geschäftliche e-mail, "
    "primäre e-mail-adresse, adresse de messagerie, adresse e-mail, adresse mail, adresse électronique, "
    "première adresse électronique, e-mail professionnel, courriel, mél, correo electrónico, "
    "correo electrónico primario, dirección de correo electrónico, correo, e-mailadres, primair e-mailadres, "
    "email id, mail id, e-mail 1, user principal name, benutzerprinzipalname, prinzipalname, "
    "nom d'utilisateur principal, nombre principal de usuario, upn",
    "mobile_phone": "mobil, mobiltelefon, mobilnummer, mobil-nr, mobil-tel.-nr., handy, handynummer, handy-nr, natel, "
    "gsm, mobile no, cell, cell number, tél. mobile, téléphone mobile, téléphone portable, portable, teléfono móvil, "
    "móvil, celular, mobiele telefoon, mobiel, mobiel nummer",
    "business_phone": "work phone, office phone, phone number, telephone number, phone no, phone 1 - value, "
    "telefon geschäftlich, tel. dienstlich, telefon, telefonnummer, telefon-nr, telefonnr, tel-nr, tel, "
    "téléphone (bureau), téléphone professionnel, tél. professionnel, téléphone, numéro de téléphone, tél, "
    "teléfono del trabajo, teléfono trabajo, número de teléfono, teléfono, telefoon op werk, telefoon werk, telefoon, "
    "telefoonnummer",
    "department": "organization department, organization 1 - department, service, département, departamento, afdeling, "
    "abt",
    "job_title": "employee title, organization title, organization 1 - title, funktion, stellenbezeichnung, "
    "berufsbezeichnung, fonction, poste, intitulé du poste, cargo, puesto, functie, functietitel, title",
    "office_location": "physical delivery office name, büro, raumnummer, zimmer, zimmernummer, room number, standort, "
    "location, bureau, emplacement, oficina, kantoor",
    "employee_id": "mitarbeiternummer, mitarbeiter-nr, mitarbeiter-id, personal-nr, pers.-nr., employee no, "
    "personnel no, staff id, staff number, matricule, número de empleado, personeelsnummer",
    "company_name": "organization, organisation, organization name, organization 1 - name, unternehmen, société, "
    "entreprise, empresa, organización, bedrijf, organisatie",
    "manager_name": "manager's name, manager display name, line manager, vorgesetzter, vorgesetzte, responsable, jefe, "
    "leidinggevende, naam manager, name des/der vorgesetzten",
    "manager_mail": "manager e-mail address, line manager email, vorgesetzter e-mail, e-mail vorgesetzter, "
    "e-mail du responsable",
    "cost_center": "centre de coûts, centro de coste, kostenplaats, kst",
    "street_address": "business street, work address, straße geschäftlich, rue (bureau), rue, adresse, calle, "
    "calle del trabajo, straat",
}
#: Names whose meaning depends on the other columns: the whole name, or one part of it beside the other part.
WHOLE_OR_SURNAME: Final = frozenset({"name", "nom", "naam"})
WHOLE_OR_GIVEN: Final = frozenset({"nombre"})
#: What `columns` calls a column that says whether an account is in use.
STATE: Final = "active"
#: Columns, as they are compared, whose "true" means that an account is in use.
_IN_USE: Final = (
    *("enabled", "active", "accountstatus", "useraccountcontrol", "signinstatus", "signinallowed"),
    *("aktiv", "aktiviert", "kontostatus", "anmeldestatus"),
    *("actif", "etatducompte", "statutducompte"),
    *("activo", "activa", "activado", "activada", "habilitado", "habilitada", "estadodelacuenta", "estadodecuenta"),
    *("actief", "ingeschakeld", "geactiveerd"),
)
#: Columns, as they are compared, whose "true" means that an account is not in use.
_NOT_IN_USE: Final = (
    *("blockcredential", "blockcredentials", "blocksignin", "blocked", "suspended", "disabled", "inactive"),
    *("anmeldeinformationenblockieren", "anmeldungblockieren", "blockiert", "gesperrt", "deaktiviert", "inaktiv"),
    *("bloquerlesinformationsdidentification", "bloquerlaconnexion", "connexionbloquee", "bloque", "suspendu"),
    *("desactive", "inactif"),
    *("bloquearcredenciales", "bloquearcredencial", "bloqueariniciodesesion", "bloqueareliniciodesesion"),
    *("bloqueado", "bloqueada", "suspendido", "suspendida", "desactivado", "desactivada", "deshabilitado"),
    *("deshabilitada", "inactivo", "inactiva"),
    *("referentieblokkeren", "referentiesblokkeren", "aanmeldingblokkeren", "aanmeldenblokkeren", "geblokkeerd"),
    *("opgeschort", "uitgeschakeld", "gedeactiveerd", "inactief"),
)
#: What such columns name before or after the state.
_ACCOUNTS: Final = (
    *("is", "account", "user", "useraccount", "login", "signin", "employee"),
    *("konto", "benutzer", "benutzerkonto", "anmeldung", "mitarbeiter", "compte", "utilisateur"),
    *("cuenta", "usuario", "gebruiker", "gebruikersaccount", "medewerker"),
)
#: Columns that say whether an account is in use, and whether "true" means that it is.
STATES: Final = {**dict.fromkeys(_IN_USE, True), **dict.fromkeys(_NOT_IN_USE, False)}
#: Columns that may say it, among other things: what is not understood there is not refused.
STATUSES: Final = frozenset({"status", "statut", "employmentstatus", "userstatus"})
NO: Final = frozenset(
    {
        *("false", "falsch", "faux", "falso", "onwaar", "no", "nein", "non", "nee", "n", "f", "0", "off", "aus"),
        *("\u2717", "\u2718", "\u274c", "\u2610"),
    }
)
YES: Final = frozenset(
    {
        *("true", "wahr", "vrai", "verdadero", "waar", "yes", "ja", "oui", "si", "y", "j", "t", "1", "x", "on", "an"),
        *("\u2713", "\u2714", "\u2705", "\u2611"),
    }
)
IN_USE: Final = frozenset(
    {
        *("active", "aktiv", "actif", "activo", "actief", "enabled", "aktiviert", "allowed", "unblocked", "current"),
        *("activado", "habilitado", "geactiveerd", "ingeschakeld", "signinallowed", "zugelassen", "permitido"),
        *("512", "544", "66048", "66080", "262656"),  # userAccountControl
    }
)
NOT_IN_USE: Final = frozenset(
    {
        *("inactive", "inaktiv", "inactif", "inactivo", "inactief", "disabled", "deactivated", "deaktiviert"),
        *("desactive", "desactivado", "gedeactiveerd", "suspended", "blocked", "gesperrt", "bloque", "bloqueado"),
        *("blockiert", "deshabilitado", "uitgeschakeld", "suspendu", "suspendido", "opgeschort", "signinblocked"),
        *("geblokkeerd", "locked", "archived", "deleted", "geloscht", "terminated", "left", "former", "ausgeschieden"),
        *("514", "546", "66050", "66082", "262658"),  # userAccountControl with the bit for disabled accounts
    }
)
#: What our exports say of recipients that are deactivated.
DEACTIVATED: Final = frozenset({"deactivatedbysync", "deactivatedmanually"})
#: Fields by their names in the API.
FIELDS: Final = {name: field for field, name in API_NAMES.items()}


def plain(name: str) -> str:
    """Return a column's name as it is compared: without case, accents, spaces, signs, and what is in brackets.

    A text of more than _MAX_NAME characters is returned unchanged.
    """
    if len(name) > _MAX_NAME:
        return name
    if formula := TEXT_FORMULA.fullmatch(name):
        name = formula[1]
    name = _QUALIFIER.sub("", name) or name
    decomposed = unicodedata.normalize("NFKD", _BRACKETS.sub("", name) or name).casefold()
    return "".join(letter for letter in decomposed if letter.isalnum()) or without_invisible(name).strip()


#: Fields by the names that are theirs alone.
OWN_NAMES: Final = {
    plain(name): field
    for field, about in PERSON_FIELDS.items()
    for name in (field, *about.csv)
    if name not in {"title", "name"}
}
#: Fields by further names, with the rank of each name among those of its field.
FURTHER_NAMES: Final = {
    plain(name): (rank, field)
    for field, names in _EXPORTS.items()
    for rank, name in enumerate(names.split(", "))
    if plain(name) not in OWN_NAMES
}
NAMES: Final = {**{name: field for name, (_, field) in FURTHER_NAMES.items()}, **OWN_NAMES}
_KNOWN: Final = NAMES.keys() | STATUSES | WHOLE_OR_SURNAME | WHOLE_OR_GIVEN


def state_of(name: str) -> bool | None:
    """Return whether "true" in a column with this name means that an account is in use; None if it says neither."""
    forms = (name, name.removeprefix("is"))
    states = (
        STATES.get(word)
        for account in _ACCOUNTS
        for form in forms
        for word in (form, form.removeprefix(account), form.removesuffix(account))
    )
    return next((state for state in states if state is not None), None)


def column_name(cell: str) -> str:
    """Return the name of a column as it is compared: that in brackets, if only it is known."""
    if len(cell) > _MAX_NAME:
        return cell
    name, inner = plain(cell), _BRACKETS.search(cell)
    return in_brackets if inner and not _is_known(name) and _is_known(in_brackets := plain(inner[1])) else name


def _is_known(name: str) -> bool:
    return name in _KNOWN or state_of(name) is not None
