"""Joining: the rows of a large file with a location's recipients, by whom they are about, on disk instead of in memory.

What it decides is what `shared.domain.imports.row_decisions.decide_import` decides, row by row with the same function;
a database in a temporary file, which is gone with its connection even if the worker is killed, only finds out who is
meant.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappush, heappushpop
from itertools import islice
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from shared.domain.ids import LocationId, RecipientId
from shared.domain.imports.csv_file import Row, RowProblem
from shared.domain.imports.large_import import MAX_NAMED, MAX_ROWS
from shared.domain.imports.row_decisions import Match, decide_row, duplicate, from_file, keys_of, not_in_file
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Origin, Profile, Recipient, Status
from shared.domain.reconcile.decide import Write
from shared.domain.reconcile.departures import deactivations
from shared.domain.reconcile.guard import Loss, digest_sorted
from shared.errors import Rejected

#: Rows that are handed to the database at once.
_CHUNK: Final = 1_000
_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -16384;
CREATE TABLE problem (line INTEGER, code TEXT, detail TEXT);
CREATE TABLE file_row (n INTEGER PRIMARY KEY, line INTEGER, key TEXT, alias TEXT, shape INTEGER, body BLOB);
CREATE TABLE recipient (n INTEGER PRIMARY KEY, id TEXT UNIQUE, active INTEGER, from_file INTEGER, body BLOB);
CREATE TABLE recipient_key (key TEXT, recipient INTEGER);
CREATE TABLE gone (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
#: For each row the earliest other row that is about the same person; see `duplicates`. Grouped by name first, so that a
#: million rows of one name are no million times a million pairs.
_DUPLICATES: Final = """
CREATE TABLE name AS
    SELECT key AS name, line, 0 AS alias FROM file_row
    UNION ALL SELECT alias, line, 1 FROM file_row WHERE alias IS NOT NULL;
CREATE TABLE first AS
    SELECT name, MIN(line) AS by_any, MIN(CASE WHEN alias = 0 THEN line END) AS by_key FROM name GROUP BY name;
CREATE INDEX first_name ON first (name);
CREATE TABLE doubled AS
    SELECT name.line AS line, MIN(CASE WHEN alias THEN by_key ELSE by_any END) AS first
    FROM name JOIN first USING (name) GROUP BY name.line HAVING first < name.line;
DROP TABLE name;
DROP TABLE first;
"""
#: `meant`: the recipients of each row. `named`: how many rows can mean a recipient. `lacked`: whom the file lacks.
#: `lost`: these, and those whom an earlier attempt of the same run has deactivated already.
_MATCH: Final = """
CREATE INDEX row_key ON file_row (key);
CREATE TABLE pair AS
    SELECT file_row.n AS row, recipient FROM recipient_key JOIN file_row USING (key);
CREATE TABLE meant (row INTEGER PRIMARY KEY, candidates INTEGER, recipient INTEGER);
INSERT INTO meant SELECT row, COUNT(*), MIN(recipient) FROM pair GROUP BY row;
CREATE TABLE named (recipient INTEGER PRIMARY KEY, rows INTEGER);
INSERT INTO named SELECT recipient, COUNT(*) FROM pair GROUP BY recipient;
DROP TABLE pair;
CREATE VIEW lacked AS SELECT * FROM recipient WHERE from_file AND n NOT IN (SELECT recipient FROM named);
CREATE VIEW lost AS SELECT id FROM lacked UNION SELECT id FROM gone;
"""
_DECISIONS: Final = """
SELECT line, shape, file_row.body, COALESCE(candidates, 0), recipient.body, COALESCE(named.rows, 0)
FROM file_row
LEFT JOIN meant ON meant.row = file_row.n
LEFT JOIN recipient ON recipient.n = meant.recipient AND candidates = 1
LEFT JOIN named ON named.recipient = recipient.n
ORDER BY file_row.key
"""
T = TypeVar("T")


def _twin(of: type[msgspec.Struct], **others: object) -> type[msgspec.Struct]:
    """Return a struct with the same fields that is encoded without their names: half the bytes, on a small disk."""
    fields = [(each.name, others.get(each.name, each.type)) for each in msgspec.structs.fields(of)]
    return msgspec.defstruct(of.__name__, fields, array_like=True)


_Profile: Final = _twin(Profile)
_Recipient: Final = _twin(Recipient, profile=_Profile, last_applied=_Profile | None)
_encode: Final = msgspec.msgpack.Encoder().encode
_values: Final = msgspec.msgpack.Decoder(list[str | None]).decode
_decode_twin: Final = msgspec.msgpack.Decoder(_Recipient).decode


def _packed(recipient: Recipient) -> bytes:
    return _encode(msgspec.convert(recipient, _Recipient, from_attributes=True))


def _unpacked(body: bytes) -> Recipient:
    return msgspec.convert(_decode_twin(body), Recipient, from_attributes=True)


class Join:
    """Add the rows, then the recipients, then `match`; what is decided can then be read, in the order of keys."""

    def __init__(self) -> None:
        # no name: a file of its own that has no name on disk either; used by one thread at a time
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self.rows = 0
        self.active = 0
        #: Of the decisions read last: rows that are refused, the first of them by line, and how many.
        self.refused_rows = 0
        self._first_refused: list[tuple[int, RowProblem]] = []
        #: The names of the fields that rows have, in their order; few, because a file has one header.
        self._shapes: list[tuple[str, ...]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add_rows(self, rows: Iterable[Row | RowProblem]) -> None:
        """Take the rows of the file, and find the wrong ones. Raises: Rejected (`invalid_csv`, `too_many_rows`)."""
        for chunk in _chunks(rows):
            self.rows += len(chunk)
            if self.rows > MAX_ROWS:
                raise Rejected(f"The file has more than {MAX_ROWS} rows; import it as two.", code="too_many_rows")
            good = [self._row(each) for each in chunk if isinstance(each, Row)]
            wrong = [(each.line, each.code, each.detail) for each in chunk if isinstance(each, RowProblem)]
            self._insert("INSERT INTO file_row (line, key, alias, shape, body) VALUES (?, ?, ?, ?, ?)", good)
            self._insert("INSERT INTO problem VALUES (?, ?, ?)", wrong)
        self._database.executescript(_DUPLICATES)

    def wrong(self) -> tuple[int, tuple[RowProblem, ...]]:
        """Return how many rows are wrong or doubled, and the first of them."""
        (count,) = self._one("SELECT (SELECT COUNT(*) FROM problem) + (SELECT COUNT(*) FROM doubled)")
        found = [
            RowProblem(line=line, code=code, detail=detail)
            for line, code, detail in self._all("SELECT * FROM problem ORDER BY line LIMIT ?", MAX_NAMED)
        ]
        found += [duplicate(*each) for each in self._all("SELECT * FROM doubled ORDER BY line LIMIT ?", MAX_NAMED)]
        return count, tuple(sorted(found, key=lambda each: each.line)[:MAX_NAMED])

    def add_recipients(self, recipients: Iterable[Recipient]) -> None:
        """Take some of the stored recipients."""
        for chunk in _chunks(recipients):
            start = self._one("SELECT COALESCE(MAX(n), 0) FROM recipient")[0]
            rows, keys = [], []
            for number, each in enumerate(chunk, start=start + 1):
                active = each.status is Status.ACTIVE
                self.active += active
                rows.append((number, each.id, active, from_file(each), _packed(each)))
                keys += [(key, number) for key in keys_of(each)]
            self._insert("INSERT INTO recipient VALUES (?, ?, ?, ?, ?)", rows)
            self._insert("INSERT INTO recipient_key VALUES (?, ?)", keys)

    def add_gone(self, recipient: RecipientId) -> None:
        """Take somebody whom an earlier attempt of the same run has deactivated."""
        self._database.execute("INSERT OR IGNORE INTO gone VALUES (?)", (recipient,))

    def match(self) -> None:
        """Find out whom each row means."""
        self._database.executescript(_MATCH)

    def writes(self, preferences: Preferences) -> Iterator[Write]:
        """Yield what the rows create and update, in the order of their keys; afterwards it is known what is refused."""
        self.refused_rows, self._first_refused = 0, []
        for line, shape, body, candidates, stored, named in self._all(_DECISIONS):
            recipient = _unpacked(stored) if stored is not None else None
            row = Row(line=line, fields=dict(zip(self._shapes[shape], _values(body), strict=True)))
            match = Match(candidates=candidates, recipient=recipient, contested=named > 1)
            decided = decide_row(row, match, preferences, self._taken)
            if isinstance(decided, RowProblem):
                self._refuse(decided)
            elif decided is not None:
                yield decided

    def refused(self) -> tuple[RowProblem, ...]:
        """Return the first rows that are refused, by line."""
        return tuple(each for _, each in sorted(self._first_refused, reverse=True))

    def loss(self, location: LocationId, added: int) -> Loss:
        """Return what the location would lose to an overwriting file, over all attempts of the run.

        `added` is how many recipients from files the run has created or brought back already: they must not make the
        loss look smaller.
        """
        (lost,) = self._one("SELECT COUNT(*) FROM lost")
        (baseline,) = self._one("SELECT COUNT(*) FROM recipient WHERE from_file OR id IN (SELECT id FROM gone)")
        return Loss(location=location, baseline=max(0, baseline - added), candidates=lost)

    def digest(self, location: LocationId) -> str:
        """Return the hash of the exact set that `loss` counts."""
        found = self._all("SELECT id FROM lost ORDER BY id")
        return digest_sorted((location, RecipientId(each)) for (each,) in found)

    def departures(self) -> Iterator[Write]:
        """Yield what deactivates whom the file lacks, by id."""
        for (body,) in self._all("SELECT body FROM lacked ORDER BY id"):
            leaver = _unpacked(body)
            yield from deactivations((not_in_file(leaver),), {leaver.id: leaver}, Origin.CSV)

    def _refuse(self, problem: RowProblem) -> None:
        """Keep the first by line: of those kept, the last one is the first to be dropped."""
        self.refused_rows += 1
        entry = (-problem.line, problem)
        if len(self._first_refused) < MAX_NAMED:
            heappush(self._first_refused, entry)
        else:
            heappushpop(self._first_refused, entry)

    def _row(self, row: Row) -> tuple[int, str, str | None, int, bytes]:
        """Return a row as it is kept: the names of its fields once for all rows that have the same."""
        names = tuple(row.fields)
        if names not in self._shapes:
            self._shapes.append(names)
        return row.line, row.key, row.alias, self._shapes.index(names), _encode(list(row.fields.values()))

    def _taken(self, recipient: RecipientId) -> bool:
        return self._database.execute("SELECT 1 FROM recipient WHERE id = ?", (recipient,)).fetchone() is not None

    def _insert(self, statement: str, rows: Sequence[tuple[str | bytes | int | None, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

    def _one(self, query: str) -> tuple[int, ...]:
        found: tuple[int, ...] = self._database.execute(query).fetchone()
        return found

    def _all(self, query: str, *values: int) -> sqlite3.Cursor:
        return self._database.execute(query, values)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
