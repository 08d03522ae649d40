"""A tenant's summary as columns beside the packed state, so that a list of tenants reads nothing else."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.domain.run import Summary

_PREFIX: Final = "last_"
#: The columns.
SUMMARY: Final = tuple(f"{_PREFIX}{name}" for name in Summary.__struct_fields__)


def shown(summary: Summary) -> dict[str, Any]:
    """Return the columns of a summary; unknown ones are left out."""
    columns = msgspec.to_builtins(summary)
    return {f"{_PREFIX}{name}": value for name, value in columns.items() if value is not None}


def read(row: Mapping[str, Any]) -> Summary:
    """Return the summary that the columns of a row are."""
    columns = {name.removeprefix(_PREFIX): row[name] for name in SUMMARY if row.get(name) is not None}
    return msgspec.convert(columns, Summary)
