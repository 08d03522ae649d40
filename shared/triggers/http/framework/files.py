"""Answers that are files."""

from typing import Final

from shared.triggers.http.framework.answers import Answer
from shared.triggers.http.framework.records import CSV

#: Header with the cursor of the next part of a file.
_NEXT: Final = "X-Next-Cursor"


def csv_file(content: bytes, name: str, cursor: str | None) -> Answer:
    """Return the answer with a CSV file, or with a part of one and the cursor of the rest. Every part has a heading."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', **({_NEXT: cursor} if cursor else {})}
    return Answer(content, headers=headers, mimetype=CSV)
