"""Columns of a file: which field each column means, and which columns are not used."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

import msgspec

from shared.domain.imports.column_names import (
    DEACTIVATED,
    FIELDS,
    FURTHER_NAMES,
    IN_USE,
    NAMES,
    NO,
    NOT_IN_USE,
    OWN_NAMES,
    STATE,
    STATES,
    STATUSES,
    WHOLE_OR_GIVEN,
    WHOLE_OR_SURNAME,
    YES,
    column_name,
    plain,
    state_of,
)
from shared.domain.recipient import API_NAMES
from shared.errors import Rejected

#: Maximum number of columns, so that a file cannot fill the memory.
MAX_COLUMNS: Final = 200
#: Maximum length of the names of a location's columns together, in characters: one property of a row holds them.
MAX_NAMES: Final = 12_000
#: Columns of our exports that an import does not need.
OURS: Final = frozenset({"id", "origin", "status", "reason", "objectid"})
#: Shortest name of a field that is looked for inside another name, in characters.
_PART: Final = 4
#: Longest name of a column that is shown and compared, in characters.
_SHOWN: Final = 80
#: Fields, by their API names, for names that resemble another one.
_SIMILAR: Final = {**{name: API_NAMES[field] for name, field in NAMES.items()}, **dict.fromkeys(STATES, STATE)}
#: Values of account states that are understood, and not those of an account that is not in use.
_CLEAR: Final = YES | NO | IN_USE
#: Fields of columns by the columns' names; None for a column that is not used.
ColumnMapping = Mapping[str, str | None]


class UsedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column, and the field that it means; `active` if it says whether an account is in use."""

    name: str
    field: str


class UnusedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column that is not used, and the field that its name resembles most."""

    name: str
    nearest: str | None = None


class ColumnsRefused(Rejected):
    """The columns do not name people, or are ambiguous. A mapping that is given can correct it."""

    def __init__(self, message: str, used: tuple[UsedColumn, ...], unused: tuple[UnusedColumn, ...]) -> None:
        super().__init__(message, code="invalid_csv")
        self.used_columns, self.unused_columns = used, unused


class Columns(NamedTuple):
    """The field of each column, or None."""

    fields: list[str | None]
    #: Indexes of the columns that say whether an account is in use, and whether "true" means that it is.
    states: dict[int, bool]
    used: tuple[UsedColumn, ...]
    unused: tuple[UnusedColumn, ...]
    #: The header.
    names: list[str]
    #: Indexes of the columns without a name, and whether a row was seen that has a value there.
    nameless: dict[int, bool]
    #: Index of the column with the recipient's id, in our exports.
    id: int | None = None
    #: Index of the column `status`, whose other values are ours.
    status: int | None = None
    #: Those of `states` whose values can mean something else.
    vague: frozenset[int] = frozenset()

    def is_header(self, cells: Sequence[str]) -> bool:
        """Return whether a row is the header again, as in files that were put together."""
        return cells[-1] == self.names[-1] and cells[1:] == self.names[1:] and plain(cells[0]) == plain(self.names[0])

    def see(self, cells: Sequence[str]) -> None:
        """Note which columns without a name have a value in a row."""
        for index in self.nameless:
            if index < len(cells) and cells[index].strip():
                self.nameless[index] = True

    def filled(self) -> tuple[UnusedColumn, ...]:
        """Return the columns without a name that had a value in a row."""
        return tuple(UnusedColumn(name=_label(index)) for index, has_values in self.nameless.items() if has_values)


def require_columns(columns: ColumnMapping, code: str) -> None:
    """Validate the fields of columns. Raises Rejected with the code."""
    if len(columns) > MAX_COLUMNS or sum(map(len, columns)) > MAX_NAMES:
        detail = f"Too many columns: give the fields of at most {MAX_COLUMNS} columns with {MAX_NAMES} characters."
        raise Rejected(detail, code=code)
    for field in columns.values():
        if field is not None and field not in FIELDS and field != STATE:
            known = ", ".join((*FIELDS, STATE))
            raise Rejected(f"Unknown field {field[:80]!r} of a column: use one of {known}.", code=code)


def recognised(header: Sequence[str], given: ColumnMapping | None = None) -> int:
    """Return how many cells of a header are names of fields."""
    names = {column_name(name) for name in given or ()} | NAMES.keys() | WHOLE_OR_SURNAME | WHOLE_OR_GIVEN
    return sum(name in names for name in map(column_name, header[:MAX_COLUMNS]))


def columns_of(header: Sequence[str], given: ColumnMapping | None = None) -> Columns:
    """Return the columns of a header. `given` has the fields of some columns, by API name; None ignores a column.

    Raises Rejected (`invalid_csv`) if the header does not name people, or is ambiguous; and (`invalid_query`) if a
    field does not exist.
    """
    if len(header) > MAX_COLUMNS:
        raise Rejected(f"The file has {len(header)} columns; at most {MAX_COLUMNS} are read.", code="invalid_csv")
    require_columns(given or {}, "invalid_query")
    cells = [cell.strip()[:_SHOWN] or _label(index) for index, cell in enumerate(header)]
    names = [column_name(cell) for cell in cells]
    chosen = {
        name: field for cell, field in (given or {}).items() if (name := column_name(cell.strip()[:_SHOWN])) in names
    }
    fields = _fields(names, chosen)
    found = {index: state_of(name) for index, name in enumerate(names) if fields[index] is None and name not in chosen}
    states = {index: state for index, state in found.items() if state is not None}
    states |= {index: True for index, name in enumerate(names) if name in STATUSES and name not in chosen}
    states |= {index: True for index, name in enumerate(names) if chosen.get(name) == STATE}
    used = tuple(
        UsedColumn(name=cell, field=STATE if field is None else API_NAMES[field])
        for index, (cell, field) in enumerate(zip(cells, fields, strict=True))
        if field is not None or index in states
    )
    means = {column.field for column in used}
    is_ours = "id" in names and "origin" in names
    known = chosen.keys() | (OURS if is_ours else frozenset())
    unused = tuple(
        UnusedColumn(name=cell, nearest=_nearest(name, means))
        for index, (cell, name) in enumerate(zip(cells, names, strict=True))
        if fields[index] is None and index not in states and name not in known and header[index].strip()
    )
    _require_people(cells, fields, used, unused)
    return Columns(
        fields,
        states,
        used,
        unused,
        list(header),
        {index: False for index, cell in enumerate(header) if not cell.strip() and fields[index] is None},
        id=names.index("id") if is_ours else None,
        status=names.index("status") if "status" in names else None,
        vague=frozenset(index for index in states if names[index] in STATUSES and names[index] not in chosen),
    )


def _label(index: int) -> str:
    """Return how a column without a name is called."""
    return f"Column {index + 1} (without a name)"


def _fields(names: Sequence[str], chosen: ColumnMapping) -> list[str | None]:
    """Return the field of each column: as chosen, else by a name of the field's own, else by a further name."""
    fixed = {name: FIELDS.get(field) if field is not None else None for name, field in chosen.items()}
    own = {name: field for name, field in OWN_NAMES.items() if field not in fixed.values()} | fixed
    fields = [own.get(name) for name in names]
    others = [(index, name) for index, name in enumerate(names) if name not in fixed]
    for _, field, index in sorted((*FURTHER_NAMES[name], index) for index, name in others if name in FURTHER_NAMES):
        if field not in fields:
            fields[index] = field
    for index, name in others:
        if name in WHOLE_OR_SURNAME:
            field = "surname" if "given_name" in fields and "surname" not in fields else "display_name"
        elif name in WHOLE_OR_GIVEN:
            field = "given_name" if "surname" in fields and "given_name" not in fields else "display_name"
        else:
            continue
        fields[index] = field if field not in fields else None
    return fields


def _require_people(
    cells: Sequence[str], fields: Sequence[str | None], used: tuple[UsedColumn, ...], unused: tuple[UnusedColumn, ...]
) -> None:
    """Raise ColumnsRefused if two columns mean one field, or none names people."""
    known = [field for field in fields if field is not None]
    if len(set(known)) != len(known):
        double = next(field for field in known if known.count(field) > 1)
        same = " and ".join(repr(cell[:40]) for cell, field in zip(cells, fields, strict=True) if field == double)
        raise ColumnsRefused(f"Two columns of the file mean the same field: {same}.", used, unused)
    if not {"mail", "display_name", "given_name", "surname"} & set(known):
        seen = ", ".join(repr(column.name[:40]) for column in unused[:5]) or "none"
        raise ColumnsRefused(
            f"The file has no column for a name or an e-mail address (columns that are not known: {seen}). "
            "Its first line names the columns, such as displayName, mail, department.",
            used,
            unused,
        )


def _nearest(name: str, means: set[str]) -> str | None:
    """Return the API name of the field whose names resemble this one most, if no other column is used for it."""
    contained = max((known for known in _SIMILAR if len(known) >= _PART and known in name), key=len, default=None)
    similar = contained or next(iter(get_close_matches(name, _SIMILAR, n=1, cutoff=0.85)), None)
    return _SIMILAR[similar] if similar and _SIMILAR[similar] not in means else None


def is_disabled(columns: Columns, cells: Sequence[str]) -> bool | str:
    """Return whether a row says that its account is not in use, or the value that cannot be understood."""
    disabled = False
    for index, true_means_in_use in columns.states.items():
        value = plain(cells[index]) if index < len(cells) else ""
        if value in NOT_IN_USE or value in (NO if true_means_in_use else YES):
            disabled = True
        elif value and value not in _CLEAR and index not in columns.vague:
            return cells[index]
    return disabled


def was_deactivated(columns: Columns, cells: Sequence[str]) -> bool:
    """Return whether a row of our export says that its recipient was deactivated when it was exported."""
    return columns.status is not None and plain("".join(cells[columns.status : columns.status + 1])) in DEACTIVATED
