"""A location's own export imports again without a change, whatever its recipients contain."""

import io
import re

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.ids import ObjectId, RecipientId
from shared.domain.imports.csv_file import CsvFile, Row, export
from shared.domain.imports.row_decisions import ImportMode
from shared.domain.preferences.preferences import Preferences
from shared.domain.recipient import TEXT_FIELDS, Origin, Profile, Recipient, Status
from tests.support.builders import person
from tests.support.imports import decide_import

#: What a directory's texts can contain: it strips control characters, line separators and spaces at the ends.
HOSTILE = st.one_of(
    st.text(max_size=20),
    st.text("'=+-@\"„“;, \t|<>\u200b\u200e\u202e\u00a0éßİ\u0660x1", max_size=20),
    st.sampled_from(["'=1", "''=1", '="x"', "' ", "0171 12  34", "mailto:x", "<x>", "x;", "sep=;", "#", "a\u0301"]),
).map(lambda text: re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", "", text).strip() or None)


@st.composite
def recipients(draw: st.DrawFn) -> list[Recipient]:
    """Return recipients of every origin and status, each with an address and a name of its own."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        origin = draw(st.sampled_from(Origin))
        texts = {name: draw(HOSTILE) for name in TEXT_FIELDS}
        texts["display_name"] = f"{draw(HOSTILE) or ''} N{number}"
        local = draw(HOSTILE) if origin is Origin.DIRECTORY else None
        texts["mail"] = f"{local or ''}p{number}@example.com"
        texts["manager_mail"] = draw(HOSTILE) if origin is Origin.DIRECTORY else None
        known: ObjectId | None = person(number) if origin is Origin.DIRECTORY else None
        found.append(
            Recipient(
                id=RecipientId(f"r{number}"),
                origin=origin,
                status=draw(st.sampled_from([Status.ACTIVE, Status.DEACTIVATED_MANUALLY])),
                profile=msgspec.structs.replace(Profile(), **texts),
                object_id=known,
            )
        )
    return found


@given(recipients(), st.sampled_from([None, "DE"]))
@example(
    [Recipient(RecipientId("r"), Origin.CSV, Status.ACTIVE, Profile(display_name="'=1", mail="a@example.com"))], None
)
def test_an_export_imports_without_a_change(stored: list[Recipient], country: str | None) -> None:
    """No row is wrong, refused or changed, and an overwrite misses none."""
    preferences = Preferences(allow_csv_to_update_directory=True)
    if country:
        attributes = msgspec.structs.replace(preferences.attributes, default_country=country)
        preferences = msgspec.structs.replace(preferences, attributes=attributes)
    found = list(CsvFile(io.BytesIO(export(stored))))
    rows = [row for row in found if isinstance(row, Row)]
    assert rows == found
    decision = decide_import(rows, stored, preferences, ImportMode.OVERWRITE)
    assert (decision.writes, decision.refused, decision.leaving) == ((), (), ())
