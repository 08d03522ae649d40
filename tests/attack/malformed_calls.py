"""Requests that do not decode, made of right ones: paths, methods, queries, headers and bodies."""

import base64
import gzip
import json
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from shared.triggers.http.framework.paging import cursor_of
from tests.attack import callers, odd
from tests.attack.right import right
from tests.attack.scene import Scene
from tests.attack.sending import Call, _route, declared
from tests.attack.wrong_calls import through_the_door
from tests.support.builders import person

Technique = Callable[[Scene, str, random.Random], Call | None]
#: Texts that no id of a path has the form of.
_NOT_IDS: Final = (
    "", " ", "Contoso", "contoso ", "-contoso", "contoso-", "con_toso", "contoso\x00", "\x00", "a/b", "../x", "..\\x",
    "contoso%00", "%2e%2e", "contoso\n", "contoso\u200b", "\u0441ontoso", "\uff43ontoso", "contoso'",
    "contoso or 1 eq 1",
    "x" * 65, "x" * 5_000, "contoso?x", "contoso#x", "{tenant}", "*", "contoso;x", "contoso:main", "\u202econtoso",
    "contoso,fabrikam", "contoso|fabrikam", "\U0001f600", "C" * 129, "contoso\r\nX-Header: 1",
)  # fmt: skip
_NOT_NUMBERS: Final = (
    "",
    "0",
    "-1",
    "101",
    "1.0",
    "1e1",
    " 1",
    "٣",
    "\uff11",
    "\u00b2",
    "0x1",
    "1_0",
    "9" * 400,
    "1\x00",
    "+1",
    "NaN",
)
_SEGMENTS: Final = (
    "%00", "%2f", "..", "%2e%2e", "%2e%2e%2f", ".", "%5c", "x", "%0d%0aX:1", "%ff", "%c0%ae%c0%ae", "%u002e", ";x",
    "%25%32%66",
    "tenants", "signed-in", "portal", "health", "%E2%80%AE", "%F0%9F%98%80", "x" * 3_000, "%", "%zz", "~root", "*",
    "{tenant}",
)  # fmt: skip
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_TAGS: Final = (
    "x",
    "*x",
    '"',
    '"a" b',
    "'a'",
    "\u201ca\u201d",
    '"a", b',
    "W/",
    "0a1b",
    '"a" "',
    "**",
    ",x,",
    "\x00",
    "*, *",
)
_KEYS: Final = ("x" * 201, "a\x00b", "a\tb", "\u200b", "a\u202eb", "\x7f", "a\r\nb", "x" * 10_000, "\u2028")
_BOOLEANS: Final = (
    "True",
    "TRUE",
    "1",
    "yes",
    "on",
    "null",
    "\u0442rue",
    "true,true",
    "false\x00",
    " true",
    "tru\u200be",
)
_JSON: Final = (
    b"", b" ", b"\xef\xbb\xbf", b"\xff\xfe{}", b"{", b"}", b"[]", b"null", b"0", b'""', b"true", b"{}{}", b"{,}",
    b"{'a':1}",
    b'{"a":1,}', b"{//x\n}", b"NaN", b'{"\xff":1}', b'{"a":"\\ud800"}', b'{"a":"\xed\xa0\x80"}', b'{"a":1e999999}',
    b"\x00", b"\x1f\x8b\x08\x00", b"PK\x03\x04", b"<a/>", b"a=1&b=2", b"--x\r\nContent-Disposition: form-data\r\n\r\n",
    b"[" * 100_000, b'{"a":' * 50_000, b"{" + b" " * 300_000 + b"}", b'"' + b"x" * 300_000 + b'"',
    b"\xf8\x88\x80\x80\x80",
)  # fmt: skip
#: Values of every JSON type, to put in the place of others.
_VALUES: Final[tuple[Any, ...]] = (None, True, 0, -1.5, "", [], {}, [[]], {"a": {}}, [None], 2**70, "x")
_POSITIONS: Final[tuple[Any, ...]] = (
    "", "\x00", "x'y", "a/b", "..", 0, 1, -1, 2**70, 1.5, None, True, [], ["x"], {"a": 1}, ["", 0], ["desk", -1],
    ["desk", 2**70], ["2026-01-01T00:00:00", "a", "b"], ["2026-13-01T00:00:00Z", "a", "b"], [["x"]], "x" * 1_900,
)  # fmt: skip


def _identifier(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    call = right(scene, rule)
    names = [name for name in call.parameters if name not in {"entry", "path"}]
    if not names:
        return None
    name = chance.choice(names)
    # The host and the door never pass on an empty part of a path.
    text = (chance.choice(_NOT_NUMBERS if name == "number" else _NOT_IDS)) or "%"
    changed = msgspec.structs.replace(call, wrong=f"not an id: {name}", parameters={**call.parameters, name: text})
    if chance.random() < 0.5:
        return through_the_door(changed, {"Authorization": callers.bearer("operator")})
    return changed


def _path(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    """Change the fixed parts of a path, so that it is another address, or none."""
    if rule.endswith(("portal", "{*path}")):
        return None
    call = through_the_door(right(scene, rule), {"Authorization": callers.bearer("operator")})
    parts = (call.path or "").split("/")
    match chance.randrange(4):
        case 0:
            parts.append(chance.choice(_SEGMENTS))
        case 1:
            parts.insert(0, chance.choice(_SEGMENTS))
        case 2:
            parts = [*parts[:-1], parts[-1] + chance.choice(("%00", "%20", ".json", ";x", ":", "%2f..")), "x"]
        case _:
            parts = [part.swapcase() for part in parts]
    changed = msgspec.structs.replace(call, wrong="another path", path="/".join(parts))
    return None if _is_served(changed) else changed


def _method(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    if rule.endswith(("portal", "{*path}")):
        return None
    call = through_the_door(right(scene, rule), {"Authorization": callers.bearer("operator")})
    changed = msgspec.structs.replace(call, wrong="another method", method=chance.choice(_METHODS))
    return None if _is_served(changed) else changed


def _is_served(call: Call) -> bool:
    """Return whether another route has this address: then it is not malformed."""
    from shared.triggers.http.framework.routing import ROUTES  # noqa: PLC0415 - all of them are registered by now

    return any(route.match(call.method, (call.path or "").strip("/")) is not None for route in ROUTES)


def _query(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    route = _route(rule)
    choices: dict[str, tuple[str, ...]] = {}
    for parameter in route.contract.query if route else ():
        words = parameter.schema.get("enum", ())
        if parameter.name == "limit":
            choices["limit"] = tuple(
                text for text in (*_NOT_NUMBERS, "1001", "100,100", "1000.0") if text not in {"", "101"}
            )
        elif parameter.name == "cursor":
            choices["cursor"] = (_cursor(chance, rule, scene),)
        elif parameter.name == "columns":
            choices["columns"] = (
                "{",
                "[]",
                "null",
                '{"a":1}',
                '{"a":"x"}',
                '{"a":["mail"]}',
                "[" * 2_000,
                '"mail"',
                "\x00",
                "{'a':'mail'}",
            )
        elif parameter.schema["type"] == "boolean":
            choices[parameter.name] = _BOOLEANS
        elif words:
            choices[parameter.name] = tuple(
                text for text in (*odd.TEXTS, f"{words[0]},{words[0]}", str(words[0]).upper(), f" {words[0]}") if text
            )
    if not choices:
        return None
    name = chance.choice(list(choices))
    call = right(scene, rule)
    return msgspec.structs.replace(
        call, wrong=f"a query: {name}", query={**call.query, name: chance.choice(choices[name])}
    )


def _cursor(chance: random.Random, rule: str, scene: Scene) -> str:
    """Return a cursor that is damaged, of another list, or forged for any list."""
    scopes = (
        ("tenants",), ("runs", scene.contoso.tenant), ("changes", scene.contoso.tenant, scene.contoso.run),
        ("recipients", scene.contoso.tenant, scene.contoso.location), ("ledger",), ("overview", "", "name"),
    )  # fmt: skip
    own = {
        "GET tenants": 0, "GET tenants/{tenant}/runs": 1, "GET tenants/{tenant}/runs/{run}/changes": 2,
        "GET tenants/{tenant}/locations/{location}/recipients": 3, "GET ledger": 4, "GET overview": 5,
    }  # fmt: skip
    match chance.randrange(4):
        case 0:
            return chance.choice(
                ("x", "%", "\u00e4", "W10", "bnVsbA", "e30", "x" * 3_000, "=", "..", "\x00", "WyIiLCIiXQ")
            )
        case 1:
            raw = (
                b'["'
                + b"a" * 16
                + b'",'
                + chance.choice((b"[" * 1_400, b"1e999", b'"\\ud800"', b"\xff", b"NaN", b""))
                + b"]"
            )
            return base64.urlsafe_b64encode(raw).decode().rstrip("=")
        case 2:
            others = [scope for number, scope in enumerate(scopes) if number != own.get(rule)]
            return str(cursor_of(chance.choice(("contoso", "x", scene.contoso.run)), *chance.choice(others)))
    forged = chance.choice((None, [], ["x"], {"a": 1}, 0, True, 2**70, "\x00", "a/b", "x'y", "x" * 1_900, [["x"]], 1.5))
    scope = scopes[own[rule]] if rule in own else ("x",)
    return str(cursor_of([forged] if forged is None else forged, *scope))


def _header(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    route = _route(rule)
    if route is None:
        return None
    headers: list[dict[str, str]] = []
    if route.contract.conditional:
        headers += [
            {"If-Match": chance.choice(_TAGS)},
            {"If-None-Match": chance.choice((*_TAGS, '"a"', "*,*", "* ,"))},
            {"If-Match": "*", "If-None-Match": "*"},
            {"If-Match": '"a"', "if-none-match": "*"},
        ]
    if route.contract.repeatable:
        headers.append({"Idempotency-Key": chance.choice(_KEYS)})
    if not headers:
        return None
    return msgspec.structs.replace(right(scene, rule), wrong="a header", headers=chance.choice(headers))


def _json(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    if declared(rule) is None:
        return None
    call = right(scene, rule)
    content = call.body
    choices = (
        chance.choice(_JSON),
        content[: chance.randrange(len(content))],
        content + chance.choice((b"}", b"]", b"x", b"\x00", b",", content)),
        content.decode().encode(chance.choice(("utf-16", "utf-32", "utf-16-le", "utf-7"))) + b"\x00",
        gzip.compress(content, mtime=0),
        base64.b64encode(content),
        json.dumps(_changed(json.loads(content), chance)).encode(),
        json.dumps(_changed(json.loads(content), chance)).encode(),
        json.dumps({**json.loads(content), chance.choice(("id", "__proto__", "x", "$type", person(1))): 1}).encode(),
    )
    headers = chance.choice(
        (
            {},
            {"Content-Encoding": "gzip"},
            {"Content-Type": "text/plain; charset=utf-7"},
            {"Transfer-Encoding": "chunked"},
        )
    )
    return msgspec.structs.replace(call, wrong="a body", body=chance.choice(choices), headers=headers)


def _file(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    route = _route(rule)
    if route is None or not route.contract.takes_csv:
        return None
    return msgspec.structs.replace(
        right(scene, rule), wrong="no body", body=b"", headers=chance.choice(({}, {"Transfer-Encoding": "chunked"}))
    )


def _changed(value: Any, chance: random.Random) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with one value replaced by one of another type, or one name changed."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        if chance.random() < 0.2:
            return {**{key: each for key, each in value.items() if key != name}, f"{name}_": value[name]}
        return {**value, name: _changed(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        return [_changed(value[0], chance), *value[1:]]
    return chance.choice([other for other in _VALUES if type(other) is not type(value)])


TECHNIQUES: Final[tuple[Technique, ...]] = (_identifier, _path, _method, _query, _header, _json, _json, _json, _file)


def malformed_calls(scene: Scene, rule: str, chance: random.Random) -> Iterator[Call]:
    """Yield requests without end that do not decode, by the techniques that the route allows in turn."""
    while True:
        made = [call for technique in TECHNIQUES if (call := technique(scene, rule, chance)) is not None]
        if not made and rule.endswith(("portal", "{*path}")):
            return
        # What a change has left well-formed is not malformed: a number in the place of another one, for example.
        yield from (call for call in made if not call.is_decodable())
