"""Columns of a file: which field each column means, and which columns are not used."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

import msgspec

from shared.domain.recipient import API_NAMES, PERSON_FIELDS
from shared.errors import Rejected

#: Maximum number of columns, so that a file cannot fill the memory.
MAX_COLUMNS: Final = 200
#: Columns of our exports that an import does not need.
OURS: Final = frozenset({"id", "origin", "status", "reason", "objectid"})
#: What exports write behind a name, such as `[Required]`.
_BRACKETS: Final = re.compile(r"\[[^\]]*\]")
#: A formula that is only a text, which keeps the zeros of `="00123"` in Excel.
TEXT_FORMULA: Final = re.compile(r'\s*=\s*"((?:[^"]|"")*)"\s*')
#: Further names, in the exports of Entra ID, Microsoft 365, Exchange, Google, Outlook and Thunderbird in English,
#: German, French, Spanish and Dutch. Each is used if no column has a name of the field's own; of several, the first.
_EXPORTS: Final = {
    "display_name": "nom complet, nom affiché, nom à afficher, nombre completo, nombre para mostrar, weergavenaam, "
    "volledige naam, vollständiger name",
    "given_name": "prénom, nombre de pila, voornaam",
    "surname": "familienname, zuname, nom de famille, apellidos, apellido, achternaam",
    "mail": "primary email, primary smtp address, windows email address, e-mail 1 - value, work email, business email, "
    "e-mail-adresse, adresse de messagerie, adresse e-mail, adresse électronique, courriel, correo electrónico, "
    "dirección de correo electrónico, correo, e-mailadres, user principal name, benutzerprinzipalname, upn",
    "mobile_phone": "mobil, mobiltelefon, handy, handynummer, tél. mobile, téléphone mobile, portable, teléfono móvil, "
    "móvil, celular, mobiele telefoon, mobiel",
    "business_phone": "work phone, office phone, phone number, telephone number, phone 1 - value, "
    "telefon geschäftlich, telefon, telefonnummer, téléphone (bureau), téléphone professionnel, téléphone, "
    "teléfono del trabajo, teléfono, telefoon op werk, telefoon",
    "department": "organization department, organization 1 - department, service, département, departamento, afdeling",
    "job_title": "employee title, organization title, organization 1 - title, funktion, stellenbezeichnung, "
    "berufsbezeichnung, fonction, poste, cargo, puesto, functie, functietitel, title",
    "office_location": "physical delivery office name, büro, bureau, oficina, kantoor",
    "employee_id": "mitarbeiternummer, matricule, número de empleado, personeelsnummer",
    "company_name": "organization, organisation, organization name, organization 1 - name, unternehmen, société, "
    "entreprise, empresa, organización, bedrijf",
    "manager_name": "manager's name, manager display name, vorgesetzter, vorgesetzte, responsable, jefe, "
    "leidinggevende",
    "cost_center": "centre de coûts, centro de coste, kostenplaats",
    "street_address": "business street, work address, straße geschäftlich, rue (bureau), rue, calle, straat",
}
#: Names whose meaning depends on the other columns: the whole name, or one part of it beside the other part.
_WHOLE_OR_SURNAME: Final = frozenset({"name", "nom", "naam"})
_WHOLE_OR_GIVEN: Final = frozenset({"nombre"})
#: Columns that say whether an account is in use, and whether "true" means that it is.
_STATES: Final = {
    **dict.fromkeys(("accountenabled", "enabled", "active", "aktiv", "actif", "activo", "actief", "status"), True),
    **dict.fromkeys(("blockcredential", "signinblocked", "blocked", "suspended", "gesperrt", "disabled"), False),
}
_NO: Final = frozenset({"false", "falsch", "faux", "falso", "onwaar", "no", "nein", "non", "nee", "n", "0"})
_YES: Final = frozenset({"true", "wahr", "vrai", "verdadero", "waar", "yes", "ja", "oui", "si", "y", "1"})
_IN_USE: Final = frozenset({"active", "aktiv", "actif", "activo", "actief", "enabled", "allowed", "unblocked"})
_NOT_IN_USE: Final = frozenset(
    {"inactive", "inaktiv", "inactif", "inactivo", "inactief", "disabled", "suspended", "blocked", "gesperrt"}
)
#: Fields by their names in the API.
_FIELDS: Final = {name: field for field, name in API_NAMES.items()}
#: Shortest name of a field that is looked for inside another name, in characters.
_PART: Final = 4


def plain(name: str) -> str:
    """Return a column's name as it is compared: without case, accents, spaces, signs, and what is in brackets."""
    if formula := TEXT_FORMULA.fullmatch(name):
        name = formula[1]
    decomposed = unicodedata.normalize("NFKD", _BRACKETS.sub("", name)).casefold()
    return "".join(letter for letter in decomposed if letter.isalnum())


_OWN: Final = {
    plain(name): field
    for field, about in PERSON_FIELDS.items()
    for name in (field, *about.csv)
    if name not in {"title", "name"}
}
_FURTHER: Final = {
    plain(name): (rank, field)
    for field, names in _EXPORTS.items()
    for rank, name in enumerate(names.split(", "))
    if plain(name) not in _OWN
}
_NAMES: Final = {**{name: field for name, (_, field) in _FURTHER.items()}, **_OWN}


class UnusedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column that is not used, and the field that its name resembles most."""

    name: str
    nearest: str | None = None


class Columns(NamedTuple):
    """The field of each column, or None."""

    fields: list[str | None]
    #: Indexes of the columns that say whether an account is in use, and whether "true" means that it is.
    states: dict[int, bool]
    unused: tuple[UnusedColumn, ...]
    #: Index of the column with the origin, which our exports have.
    origin: int | None = None
    #: Index of the column `status`, whose other values are ours.
    status: int | None = None


def recognised(header: Sequence[str]) -> int:
    """Return how many cells of a header are names of fields."""
    return sum(name in _NAMES or name in _WHOLE_OR_SURNAME | _WHOLE_OR_GIVEN for name in map(plain, header))


def columns_of(header: Sequence[str], given: Mapping[str, str | None] | None = None) -> Columns:
    """Return the columns of a header. `given` has the fields of some columns, by API name; None ignores a column.

    Raises Rejected (`invalid_csv`) if the header does not name people, or is ambiguous; and (`invalid_query`) if a
    field does not exist.
    """
    if len(header) > MAX_COLUMNS:
        raise Rejected(f"The file has {len(header)} columns; at most {MAX_COLUMNS} are read.", code="invalid_csv")
    names = [plain(cell) for cell in header]
    fixed = {plain(name): _field(field) for name, field in (given or {}).items()}
    own = {name: field for name, field in _OWN.items() if field not in fixed.values()} | fixed
    fields = [own.get(name) for name in names]
    open_ = [(index, name) for index, name in enumerate(names) if name not in fixed]
    further = sorted((*_FURTHER[name], index) for index, name in open_ if name in _FURTHER)
    for _, field, index in further:
        if field not in fields:
            fields[index] = field
    for index, name in open_:
        if name in _WHOLE_OR_SURNAME:
            field = "surname" if "given_name" in fields and "surname" not in fields else "display_name"
        elif name in _WHOLE_OR_GIVEN:
            field = "given_name" if "surname" in fields and "given_name" not in fields else "display_name"
        else:
            continue
        fields[index] = field if field not in fields else None
    used = [field for field in fields if field is not None]
    if len(set(used)) != len(used):
        double = next(field for field in used if used.count(field) > 1)
        cells = " and ".join(repr(cell[:40]) for cell, field in zip(header, fields, strict=True) if field == double)
        raise Rejected(f"Two columns of the file mean the same field: {cells}.", code="invalid_csv")
    states = {index: _STATES[name] for index, name in enumerate(names) if name in _STATES and fields[index] is None}
    unused = tuple(
        UnusedColumn(name=cell[:80], nearest=_nearest(name, used))
        for index, (cell, name) in enumerate(zip(header, names, strict=True))
        if cell.strip() and fields[index] is None and index not in states and name not in OURS | fixed.keys()
    )
    if not {"mail", "display_name", "given_name", "surname"} & set(used):
        seen = ", ".join(repr(column.name[:40]) for column in unused[:5]) or "none"
        raise Rejected(
            f"The file has no column for a name or an e-mail address (columns that are not known: {seen}). "
            "Its first line names the columns, such as displayName, mail, department.",
            code="invalid_csv",
        )
    ours = {name: index for index, name in enumerate(names) if "id" in names}
    return Columns(fields, states, unused, ours.get("origin"), names.index("status") if "status" in names else None)


def _field(name: str | None) -> str | None:
    """Return the field with an API name, None for None. Raises Rejected."""
    if name is not None and name not in _FIELDS:
        known = ", ".join(_FIELDS)
        raise Rejected(f"Unknown field {name[:80]!r} in `columns`: use one of {known}.", code="invalid_query")
    return _FIELDS[name] if name is not None else None


def _nearest(name: str, used: Sequence[str]) -> str | None:
    """Return the API name of the field whose names resemble this one most, if no other column is used for it."""
    contained = max((known for known in _NAMES if len(known) >= _PART and known in name), key=len, default=None)
    similar = contained or next(iter(get_close_matches(name, _NAMES, n=1, cutoff=0.7)), None)
    return API_NAMES[_NAMES[similar]] if similar and _NAMES[similar] not in used else None


def is_disabled(columns: Columns, cells: Sequence[str]) -> bool | str:
    """Return whether a row says that its account is not in use, or the value that cannot be understood."""
    disabled = False
    for index, true_means_in_use in columns.states.items():
        value = plain(cells[index]) if index < len(cells) else ""
        if value in _NOT_IN_USE or value in (_NO if true_means_in_use else _YES):
            disabled = True
        elif value and value not in _YES | _NO | _IN_USE and index != columns.status:
            return cells[index]
    return disabled
