"""Ids of people and groups as another directory than Entra ID may give them."""

from typing import Final

from hypothesis import strategies as st

from shared.domain.ids import ObjectId

#: Each is one person's: they differ in case, in how they are composed, in what a URL or a key would make of them.
HOSTILE: Final = tuple(
    map(
        ObjectId,
        (
            "anna",
            "Anna",
            "ANNA",
            "a/n#n?a@example.com:1%2F",
            "a\\..\\b|c'd\"e",
            "../../users?$filter=x",
            "!fence",
            "r:anna",
            "main:anna",
            "contoso:hall",
            " anna",
            "anna ",
            "0",
            "-",
            "é",
            "e\u0301",
            "straße",
            "strasse",
            "📮" * 128,
            "x" * 128,
            "X" * 128,
        ),
    )
)
#: Any id that a directory may give.
OBJECT_IDS: Final = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=128).map(ObjectId),
)
