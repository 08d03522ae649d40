"""docs/reference/stored-data.md lists every table, column and packed field that the code stores, and nothing else."""

import ast
import importlib
import pkgutil
import re
from itertools import takewhile
from pathlib import Path

import msgspec
import pytest

import shared.domain
from shared.adapters.stores import table_names
from shared.adapters.stores.recipient_rows import FULL_ROW
from shared.adapters.stores.tenant_summaries import SUMMARY
from shared.domain.recipient import API_NAMES, Counts

ROOT = Path(__file__).parents[2]
STORES = ROOT / "shared" / "adapters" / "stores"
PAGE = (ROOT / "docs" / "reference" / "stored-data.md").read_text(encoding="utf-8")
#: Keys of dicts in the stores that are options of a request, not columns.
OPTIONS = {"PartitionKey", "RowKey", "etag", "match_condition"}
#: The page that lists the person fields, where a row leads to it.
_PERSON_FIELDS = "person-fields.md"
#: Columns of packed values: `p00` to `p10`.
PACKED = re.compile(r"p\d\d")


def _structs() -> dict[str, type[msgspec.Struct]]:
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(shared.domain.__path__, "shared.domain.")
    ]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__
    }


def _first_cells(heading: str, header: str) -> list[str]:
    """Return the words in backticks of the first cells of the table under a heading that begins with `header`."""
    section = PAGE.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    lines = section.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {header} |"))
    rows = takewhile(lambda line: line.startswith("|"), lines[start + 2 :])
    return [word for row in rows for word in _words(row.split("|")[1])]


def _words(cell: str) -> list[str]:
    """Return the words in backticks; a link to the person fields, which have a page of their own, is one word."""
    return [_PERSON_FIELDS] if _PERSON_FIELDS in cell else re.findall(r"`([^`]+)`", cell)


def _documented_columns() -> set[str]:
    tables = re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)
    known = {name for name in tables if name in _tables()}
    found = {column for name in known for column in _first_cells(f"## {name}", "column")}
    return {column for column in found if not PACKED.fullmatch(column)} - {_PERSON_FIELDS} | set(API_NAMES.values())


def _tables() -> set[str]:
    return {value for name, value in vars(table_names).items() if name.isupper() and isinstance(value, str)}


def _written_columns() -> set[str]:
    """Return the columns that the stores' modules name: keys of their dicts, and keywords of what inserts a row."""
    columns: set[str] = set()
    for path in set(STORES.glob("*.py")) - {STORES / "recipient_rows.py"}:  # its columns are those of FULL_ROW
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                columns |= {
                    key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and "insert" in node.func.attr:
                columns |= {keyword.arg for keyword in node.keywords if keyword.arg}
    encoded = {*FULL_ROW.__struct_encode_fields__, *Counts.__struct_fields__, *SUMMARY}
    return (columns | encoded) - OPTIONS


def test_every_table_is_on_the_page() -> None:
    """A table without a section, or a section without a table, is found."""
    sections = set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE))
    assert sections - {"Formats", "Queues"} == _tables() == set(table_names.ALL_TABLES)


def test_every_job_is_on_the_page() -> None:
    """The fields of each queue's messages are those of its job."""
    section = PAGE.split("\n## Queues\n", 1)[1].split("\n## ", 1)[0]
    rows = [set(re.findall(r"`(\w+)`", line.split("|")[3])) for line in section.splitlines() if line.startswith("| `")]
    for name, job in _structs().items():
        assert not name.endswith("Job") or set(job.__struct_fields__) in rows, name


def test_every_row_key_is_on_the_page() -> None:
    """What a row key is, or begins with, has to be in a table of keys."""
    text = (STORES / "keys.py").read_text(encoding="utf-8")
    keys = {*re.findall(r'f"([a-z!]+:)\{', text), *re.findall(r'^[A-Z]+: Final = "(.+)"$', text, re.MULTILINE)}
    assert sorted(key for key in keys if f"`{key}" not in PAGE) == [], "missing in docs/reference/stored-data.md"


def test_every_column_is_on_the_page() -> None:
    """A column that is added, renamed or dropped in a store has to be so on the page."""
    written, documented = _written_columns(), _documented_columns()
    assert sorted(written - documented) == [], "these columns are missing in docs/reference/stored-data.md"
    assert sorted(documented - written) == [], "docs/reference/stored-data.md has columns that no store writes"


@pytest.mark.parametrize("name", re.findall(r"^#### `(\w+)`$", PAGE, re.MULTILINE))
def test_every_field_of_a_packed_value_is_on_the_page(name: str) -> None:
    """The fields are those of the type, in its order."""
    structs = _structs()
    assert name in structs, f"docs/reference/stored-data.md describes {name}, which is not a type of the domain"
    fields, documented = list(structs[name].__struct_encode_fields__), _first_cells(f"#### `{name}`", "field")
    if _PERSON_FIELDS in documented:
        documented.remove(_PERSON_FIELDS)
        fields = [field for field in fields if field not in {*API_NAMES, *API_NAMES.values()}]
    assert documented == fields, f"update the fields of {name} on the page"


def test_every_packed_type_is_on_the_page() -> None:
    """What a store packs or unpacks has a section, and so has every type that it contains."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in STORES.glob("*.py"))
    structs = _structs()
    named = {name for name in structs if re.search(rf"\b(?:unpack|_find|_all|_large)\([^()]*\b{name}\b", text)}
    described = set(re.findall(r"^#### `(\w+)`$", PAGE, re.MULTILINE))
    contained = {
        inner for name in named for inner in structs if re.search(rf"\b{inner}\b", str(structs[name].__annotations__))
    }
    assert sorted((named | contained) - described) == [], "these types are missing in docs/reference/stored-data.md"
