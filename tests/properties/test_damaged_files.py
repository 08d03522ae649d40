"""Files of known shapes, damaged: read or refused with a reason, and imported again without a change."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.imports.csv_file import CsvFile, Reading, Row, RowProblem
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.errors import Rejected
from tests.support.imports import decide_import, duplicates

FILES = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "inputs").glob("*.csv"))]
PIECES = [b'"', b"\n", b"\r", b",", b";", b"\t", b"\0", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf", b'="', b"'", b"\x1a"]
COLUMNS = [None, {"Name": None, "E-Mail": "mail"}, {"Column 2 (without a name)": "active"}, {"Name": "surname"}]
#: Where a piece is put in, and how many bytes it replaces.
DAMAGE = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 20), st.sampled_from([*PIECES, *FILES])), max_size=5)


@given(st.sampled_from(FILES), DAMAGE, st.sampled_from(COLUMNS), st.sampled_from(["", "utf-8", "utf-16"]))
def test_a_damaged_file_is_read_or_refused(
    content: bytes, damage: list[tuple[int, int, bytes]], columns: dict[str, str | None] | None, charset: str
) -> None:
    """Nothing but a refusal is raised, and what was imported is unchanged by the same file."""
    for start, length, piece in damage:
        content = content[:start] + piece + content[start + length :]
    found: list[Row | RowProblem] = []
    with suppress(Rejected):
        found = list(CsvFile(BytesIO(content), Reading(charset=charset, columns=columns)))
    rows = [row for row in found if isinstance(row, Row)]
    if not duplicates(rows):
        first = decide_import(rows, [], Preferences(), ImportMode.MERGE)
        stored = [write.recipient for write in first.writes]
        again = decide_import(rows, stored, Preferences(), ImportMode.OVERWRITE)
        assert (again.writes, again.leaving) == ((), ())
