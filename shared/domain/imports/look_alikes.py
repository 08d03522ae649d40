"""Look-alikes: new people of a file who have the name of a recipient that the file does not contain.

A file whose addresses or employee ids come from another column, or from another domain, would otherwise create everyone
a second time. An import with many look-alikes waits for a confirmation.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from shared.domain.imports.csv_file import Row, RowProblem
from shared.domain.recipient import Profile
from shared.domain.text import search_key

#: Number of look-alikes from which an import waits for a confirmation...
MANY: Final = 100
#: ...or from which it does if they are at least this share of the people that it would create.
SEVERAL: Final = 5
SHARE: Final = 0.5
#: Number of look-alikes that a report names.
NAMED: Final = 20


class LookAlikes(NamedTuple):
    """The look-alikes of a file: their number, the first of them by line, and their approval digest."""

    number: int = 0
    named: tuple[RowProblem, ...] = ()
    digest: str = ""


def name_key(name: str | None) -> str:
    """Return what equal names have in common, also with the surname first; empty for a text without letters."""
    words = search_key(name or "").replace(",", " ").split()
    return " ".join(sorted(words)) if any(word.isalnum() for word in words) else ""


def look_alikes(rows: Iterable[tuple[Row, Profile | None]]) -> LookAlikes:
    """Return the look-alikes among new people, each with the recipient of the same name, if there is one.

    There are none below the limits.
    """
    created = number = 0
    named: list[RowProblem] = []
    hash_ = sha256()
    for row, profile in rows:
        created += 1
        if profile is None:
            continue
        number += 1
        hash_.update(f"{row.key}\n".encode())
        if len(named) < NAMED:
            known = profile.mail or profile.employee_id
            detail = f"{profile.display_name} is a recipient already{f', with {known}' if known else ''}."
            named.append(RowProblem(line=row.line, code="looks_like_existing", detail=detail))
    if number < MANY and (number < SEVERAL or number < SHARE * created):
        return LookAlikes()
    return LookAlikes(number, tuple(named), hash_.hexdigest())
