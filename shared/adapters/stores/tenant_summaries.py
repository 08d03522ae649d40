"""The summary of a tenant as columns of its state's row, so that a list of tenants reads only these columns."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shared.domain.run import Summary

_PREFIX: Final = "last_"
#: Names of these columns.
SUMMARY: Final = tuple(f"{_PREFIX}{name}" for name in Summary.__struct_fields__)


def shown(summary: Summary) -> dict[str, Any]:
    """Return the columns of a summary, without unknown values."""
    columns = msgspec.to_builtins(summary)
    return {f"{_PREFIX}{name}": value for name, value in columns.items() if value is not None}


def read(row: Mapping[str, Any]) -> Summary:
    """Return the summary from the columns of a row."""
    columns = {name.removeprefix(_PREFIX): row[name] for name in SUMMARY if row.get(name) is not None}
    return msgspec.convert(columns, Summary)
