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
    """Return recipients of every origin and status, also several with one address, and some without any."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        origin = draw(st.sampled_from(Origin))
        texts = {name: draw(HOSTILE) for name in TEXT_FIELDS}
        address = draw(st.sampled_from(["ann@example.com", f"p{number}@example.com", None]))
        # A sync can also write addresses to recipients of other origins.
        texts["mail"] = draw(HOSTILE) if draw(st.booleans()) else address
        known: ObjectId | None = person(number) if origin is Origin.DIRECTORY else None
        found.append(
            Recipient(
                id=RecipientId(f"r{number}"),
                origin=origin,
                status=draw(st.sampled_from(Status)),
                profile=msgspec.structs.replace(Profile(), **texts),
                object_id=known,
            )
        )
    return found


def recipient(number: int, profile: Profile, status: Status = Status.ACTIVE, origin: Origin = Origin.CSV) -> Recipient:
    """Return a recipient."""
    return Recipient(RecipientId(f"r{number}"), origin, status, profile)


FILES_MAY_NOT = Preferences()
FILES_MAY = Preferences(allow_csv_to_update_directory=True)
ANN = Profile(display_name="Ann", mail="ann@example.com", employee_id="7")


@given(recipients(), st.sampled_from([None, "DE"]), st.sampled_from([FILES_MAY, FILES_MAY_NOT]))
@example([recipient(1, Profile(display_name="'=1", mail="a@example.com"))], None, FILES_MAY_NOT)
@example([recipient(1, ANN), recipient(2, ANN)], None, FILES_MAY_NOT)
@example([recipient(1, Profile(display_name="Ann")), recipient(2, Profile(display_name="Ann"))], None, FILES_MAY_NOT)
@example([recipient(1, Profile(given_name="Ann")), recipient(2, Profile())], None, FILES_MAY_NOT)
@example([recipient(1, ANN, Status.DEACTIVATED_BY_SYNC)], None, FILES_MAY_NOT)
@example([recipient(1, Profile(mail="no address"))], None, FILES_MAY_NOT)
@example([recipient(1, ANN, origin=Origin.DIRECTORY)], None, FILES_MAY_NOT)
def test_an_export_imports_without_a_change(
    stored: list[Recipient], country: str | None, preferences: Preferences
) -> None:
    """No row is wrong, refused or changed, and an overwrite misses none."""
    if country:
        attributes = msgspec.structs.replace(preferences.attributes, default_country=country)
        preferences = msgspec.structs.replace(preferences, attributes=attributes)
    found = list(CsvFile(io.BytesIO(export(stored))))
    rows = [row for row in found if isinstance(row, Row)]
    assert rows == found
    decision = decide_import(rows, stored, preferences, ImportMode.OVERWRITE)
    assert (decision.writes, decision.refused, decision.leaving) == ((), (), ())
