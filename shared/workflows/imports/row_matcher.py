"""Matching: joins the rows of a file with a location's recipients in an SQLite database.

The database finds the recipients that a row can mean; `decide_row` decides. A small file is matched in memory, a large
one in an unnamed temporary file, which disappears with its connection even if the worker is killed.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

import msgspec
from msgspec.structs import astuple

from shared.domain.ids import LocationId, RecipientId
from shared.domain.imports.csv_file import CsvFile, FileNotes, Row, RowProblem
from shared.domain.imports.import_record import MAX_NAMED
from shared.domain.imports.look_alikes import LookAlikes, look_alikes, name_key
from shared.domain.imports.row_decisions import (
    Match,
    address_keys_of,
    decide_row,
    from_file,
    keys_of,
    not_in_file,
)
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import Change, Origin, Profile, Recipient, Status
from shared.domain.reconcile.departures import deactivations
from shared.domain.reconcile.guard import Loss, digest_sorted
from shared.domain.reconcile.write import Write
from shared.workflows.imports import matching_queries as queries

#: Where SQLite keeps the database.
ON_DISK: Final = ""
IN_MEMORY: Final = ":memory:"
#: Number of rows inserted in one transaction.
_CHUNK: Final = 1_000
#: Longest time for which the imports' thread computes while the event loop waits for the interpreter, in seconds. With
#: Python's 5 ms, each answer of storage to another request would wait that long.
#: Source: https://docs.python.org/3/library/sys.html#sys.setswitchinterval
_SWITCH_S: Final = 0.001
#: Executes all work on databases, so that the event loop stays free. One thread per process: each keeps about 30 MiB of
#: freed memory, and more would not be faster.
_THREAD: Final = ThreadPoolExecutor(
    max_workers=1, thread_name_prefix="imports", initializer=sys.setswitchinterval, initargs=(_SWITCH_S,)
)
T = TypeVar("T")
#: What people read about a row that came too late.
_CHANGED_SINCE: Final = (
    "An edit or a newer import has changed this recipient since the import was started. The row was not applied."
)

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_row: Final = msgspec.msgpack.Decoder(Row).decode
_decode_recipient: Final = msgspec.msgpack.Decoder(Recipient).decode


async def in_thread(work: Callable[..., T], *args: object) -> T:
    """Return the result of blocking work, executed in the imports' thread."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, work, *args)


class RowMatcher:
    """Add the rows, then `clear`, add the recipients, and `match`. The writes follow in the order of the rows' keys."""

    def __init__(self, database: str) -> None:
        self._database = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        self._database.executescript(queries.SCHEMA)
        #: Number of rows in the file, and how it was read.
        self.rows = 0
        self.notes = FileNotes()
        #: Number of recipients, and of the active ones among them.
        self._stored = 0
        self.active = 0
        #: Whether rows have ids of recipients.
        self._has_ids = False

    def close(self) -> None:
        """Delete the database, after the work that a cancelled caller left in the thread."""
        _THREAD.submit(self._database.close)

    def add_rows(self, rows: Iterable[Row | RowProblem], limit: int) -> bool:
        """Add the rows of the file, and a problem for every invalid row. Return False if they exceed the limit."""
        for chunk in _chunks(rows):
            self.rows += len(chunk)
            if self.rows > limit:
                return False
            valid = [
                (row.line, row.key, row.alias, row.recipient or None, _encode(row))
                for row in chunk
                if isinstance(row, Row)
            ]
            self._has_ids = self._has_ids or any(row[3] for row in valid)
            self._insert("INSERT INTO file_row (line, key, alias, id, body) VALUES (?, ?, ?, ?, ?)", valid)
            self._add_problems(row for row in chunk if isinstance(row, RowProblem))
        if isinstance(rows, CsvFile):
            self.notes = rows.notes
        self._database.executescript(queries.DUPLICATES)
        return True

    def problems(self) -> tuple[int, tuple[RowProblem, ...]]:
        """Return the number of problems, and the first of them by line.

        They are invalid rows before `clear`, and rows that were not applied after all writes were read.
        """
        first = self._database.execute("SELECT * FROM problem ORDER BY line LIMIT ?", (MAX_NAMED,))
        named = tuple(RowProblem(line=line, code=code, detail=detail) for line, code, detail in first)
        return self._count("problem"), named

    def clear(self) -> None:
        """Remove recipients and problems, but not `add_deactivated`, to match the rows again."""
        self._stored = self.active = 0
        self._database.executescript(queries.CLEAR)

    def add_recipients(self, recipients: list[Recipient]) -> None:
        """Add stored recipients."""
        numbered = list(enumerate(recipients, self._stored))
        self._stored += len(recipients)
        self.active += sum(recipient.status is Status.ACTIVE for recipient in recipients)
        rows = [(number, recipient.id, from_file(recipient), _encode(recipient)) for number, recipient in numbered]
        self._insert("INSERT INTO recipient VALUES (?, ?, ?, ?)", rows)
        keys = [(key, number) for number, recipient in numbered for key in keys_of(recipient)]
        self._insert("INSERT INTO recipient_key VALUES (?, ?)", keys)
        others = [(key, number) for number, recipient in numbered for key in address_keys_of(recipient)]
        self._insert("INSERT INTO other_address VALUES (?, ?)", others)
        bare = [(number,) for number, recipient in numbered if not recipient.profile.mail]
        self._insert("INSERT INTO without_address VALUES (?)", bare)

    def add_deactivated(self, recipient: RecipientId) -> None:
        """Add a recipient that an earlier attempt of the same run has deactivated."""
        self._database.execute("INSERT OR IGNORE INTO already_deactivated VALUES (?)", (recipient,))

    def keep(self, changes: Iterable[Change]) -> None:
        """Keep the recipients of newer changes as they are. Rows that would change them are reported.

        Rows mean them also by what they were before.
        """
        for chunk in _chunks(changes):
            changed = [(change.recipient, change.before) for change in chunk if change.recipient is not None]
            self._insert("INSERT OR IGNORE INTO kept VALUES (?)", [(id_,) for id_, _ in changed])
            former = [(key, id_) for id_, before in changed if before is not None for key in keys_of(before)]
            self._insert("INSERT INTO kept_key VALUES (?, ?)", former)

    def match(self) -> None:
        """Find the recipients that each row can mean."""
        if self._count("kept_key"):
            self._database.executescript(queries.FORMER_KEYS)
        if self._has_ids:
            self._database.executescript(queries.KNOWN)
        self._database.executescript(queries.MATCH)
        if self._count("open"):
            self._database.executescript(queries.MATCH_EMPLOYEES)
        self._database.execute("DROP TABLE open")
        if self._has_ids:
            self._database.executescript(queries.TWINS)

    def writes(self, preferences: Preferences, *, departures: bool) -> Iterator[Write]:
        """Yield what the rows create and update, then, if wanted, the deactivations of missing recipients by id."""
        for row, candidates, body, contested in self._database.execute(queries.MATCHED_ROWS):
            recipient = _decode_recipient(body) if body is not None else None
            match = Match(candidates=candidates, recipient=recipient, contested=bool(contested))
            file_row = _decode_row(row)
            decided = decide_row(file_row, match, preferences, self._is_stored)
            if isinstance(decided, Write) and self._is_kept(decided.recipient.id):
                decided = RowProblem(line=file_row.line, code="changed_since", detail=_CHANGED_SINCE)
            if isinstance(decided, RowProblem):
                self._add_problems((decided,))
            elif decided is not None:
                yield decided
        if departures:
            for (body,) in self._database.execute("SELECT body FROM missing ORDER BY id"):
                recipient = _decode_recipient(body)
                yield from deactivations((not_in_file(recipient),), {recipient.id: recipient}, Origin.CSV)

    def look_alikes(self) -> LookAlikes:
        """Return the new people who have the name of an active recipient that the file does not contain."""
        if not self._stored or self._database.execute(f"{queries.NEW_ROWS} LIMIT 1").fetchone() is None:
            return LookAlikes()
        for chunk in _chunks(self._database.execute(queries.OTHER_RECIPIENTS)):
            others = [(number, _decode_recipient(body)) for number, body in chunk]
            names = [
                (name, number)
                for number, other in others
                if other.status is Status.ACTIVE and (name := name_key(other.profile.display_name))
            ]
            self._insert("INSERT OR IGNORE INTO namesake VALUES (?, ?)", names)
        if not self._count("namesake"):
            return LookAlikes()
        rows = (_decode_row(body) for (body,) in self._database.execute(queries.NEW_ROWS))
        return look_alikes((row, self._namesake(row)) for row in rows if not (row.disabled or row.deactivated))

    def _namesake(self, row: Row) -> Profile | None:
        name = name_key(row.fields.get("display_name"))
        stored = self._database.execute(queries.NAMESAKE, (name,)).fetchone() if name else None
        return _decode_recipient(stored[0]).profile if stored is not None else None

    def loss(self, location: LocationId, added: int) -> Loss:
        """Return the loss of the location to an overwriting file, over all attempts of the run.

        `added` is the number of recipients that the run has already created or reactivated: they must not make the
        loss look smaller.
        """
        baseline = self._count("recipient WHERE from_file OR id IN (SELECT id FROM already_deactivated)")
        return Loss(location=location, baseline=max(0, baseline - added), candidates=self._count("affected"))

    def digest(self, location: LocationId) -> str:
        """Return the approval digest of the set that `loss` counts."""
        affected = self._database.execute("SELECT id FROM affected ORDER BY id")
        return digest_sorted((location, RecipientId(id_)) for (id_,) in affected)

    def _is_stored(self, recipient: RecipientId) -> bool:
        return self._database.execute("SELECT 1 FROM recipient WHERE id = ?", (recipient,)).fetchone() is not None

    def _is_kept(self, recipient: RecipientId) -> bool:
        return self._database.execute("SELECT 1 FROM kept WHERE id = ?", (recipient,)).fetchone() is not None

    def _add_problems(self, problems: Iterable[RowProblem]) -> None:
        self._insert("INSERT INTO problem VALUES (?, ?, ?)", [astuple(problem) for problem in problems])

    def _insert(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

    def _count(self, rows: str) -> int:
        (count,) = self._database.execute(f"SELECT COUNT(*) FROM {rows}").fetchone()  # noqa: S608 - constants only
        return int(count)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
