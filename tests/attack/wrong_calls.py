"""Requests that decode and are wrong: by an id, a caller, a version, a key, a body or a file."""

import random
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote

import msgspec

from shared.domain.access.callers import Access
from shared.triggers.http.framework.rules import RULES
from tests.attack import callers, odd
from tests.attack.right import parameters_of, right
from tests.attack.scene import Scene
from tests.attack.sending import Call, _route, declared
from tests.attack.wrong_bodies import wrong_body
from tests.attack.wrong_files import wrong_file

#: Makes a bad request for a route; None where the route has nothing that could be wrong in this way.
Technique = Callable[[Scene, str, random.Random], Call | None]
#: Runs and imports in a state in which the route refuses them, by route: names of their ids.
_STATES: Final = {
    "POST tenants/{tenant}/runs/{run}/approve": ("run", ("run", "preview")),
    "POST tenants/{tenant}/runs/{run}/reject": ("run", ("run", "preview")),
    "POST tenants/{tenant}/runs/{run}/accept": ("run", ("run", "preview", "held")),
    "POST tenants/{tenant}/runs/{run}/undo": ("run", ("preview",)),
    "POST tenants/{tenant}/locations/{location}/imports/{import}/start": ("import", ("ended",)),
    "PUT tenants/{tenant}/locations/{location}/imports/{import}/parts/{number}": ("import", ("ended",)),
    "POST ledger/{entry}/replay": ("entry", ("event", "lost", "twice")),
    "DELETE ledger/{entry}": ("entry", ("twice",)),
}
_FILES: Final = "POST tenants/{tenant}/locations/{location}/recipients"
#: Headers that any request may have.
_HEADERS: Final = (
    {"Accept": "text/csv;q=" + "1" * 15_000 + "x"},
    {"Accept": '"' * 10_000},
    {"Accept": "*/*," * 4_000},
    {"Content-Type": "text/csv; charset*=;charset*1=x;charset*0*=utf-8''%00"},
    {"Content-Type": "text/csv" + ";" * 15_000},
    {"Content-Type": "\u202etext/csv"},
    {"traceparent": "00-" + "f" * 10_000},
    {"X-Forwarded-Host": "evil.example", "X-Original-URL": "/api/tenants/fabrikam", "X-HTTP-Method-Override": "DELETE"},
)
#: Charsets that text files have not.
_CHARSETS: Final = (
    "x", "utf-99", "\x00", "utf-7", "idna", "unicode_escape", "raw-unicode-escape", "charmap", "undefined",
    "rot13", "zip",
    "../../x", "os", "x" * 10_000, "\U0001f600", "%00", "=",
)  # fmt: skip
_SITES: Final = (
    "https://evil.example",
    "null",
    "https://app.example.evil.example",
    "http://app.example",
    "https://[",
    None,
)


def _slug(chance: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-"
    middle = "".join(chance.choice(letters) for _ in range(chance.randrange(62)))
    return f"{chance.choice(letters[:-1])}{middle}{chance.choice(letters[:-1])}-z"[:64].strip("-")


def _unknown(name: str, chance: random.Random) -> str:
    """Return an id of the right form that nothing has."""
    match name:
        case "tenant" | "location" | "key":
            return _slug(chance)
        case "run" | "import" | "erasure":
            return f"{chance.randrange(10**13):013d}-{chance.randrange(2**32):08x}"
        case "recipient":
            odd_ids = ("..", ".", "-", "_", "con", "A" * 128, "." * 127 + "x")
            return chance.choice((*odd_ids, f"{chance.randrange(2**128):032x}"))
        case "entry":
            return odd.text(chance) + "?"
        case "path":
            return f"{quote(odd.text(chance))}/../app.js?"
    return f"{chance.randrange(2**32)}"


def _named(rule: str) -> list[str]:
    """Return the parameters of a path that must exist: not the last one of a PUT, which creates it."""
    path = rule.partition(" ")[2]
    names = [part.strip("{*}") for part in path.split("/") if part.startswith("{")]
    return [name for name in names if not (rule.startswith("PUT ") and path.endswith(f"{{{name}}}"))]


def _with_odd_parts(call: Call, chance: random.Random) -> Call:
    """Return a request with odd headers, and any body of its type: what is wrong elsewhere is refused all the same."""
    kind = declared(call.rule)
    body = odd.body(kind, chance) if kind and chance.random() < 0.5 else call.body
    headers = chance.choice(_HEADERS) if chance.random() < 0.3 else {}
    return msgspec.structs.replace(call, body=body, headers={**headers, **call.headers})


def _unknown_id(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    if not (names := _named(rule)):
        return None
    call, name = right(scene, rule), chance.choice(names)
    changed = msgspec.structs.replace(
        call, wrong=f"an unknown {name}", parameters={**call.parameters, name: _unknown(name, chance)}
    )
    return _with_odd_parts(changed, chance)


def _id_of_the_other_tenant(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    """Name what the other tenant has, in a path of this tenant."""
    names = [name for name in _named(rule) if name in {"location", "run", "import", "erasure"}]
    if not names:
        return None
    call, name = right(scene, rule), chance.choice(names)
    other = parameters_of(scene.fabrikam, rule)[name]
    return _with_odd_parts(
        msgspec.structs.replace(call, wrong=f"a {name} of another tenant", parameters={**call.parameters, name: other}),
        chance,
    )


def _state(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    if rule not in _STATES:
        return None
    call, (name, choices) = right(scene, rule), _STATES[rule]
    chosen = chance.choice(choices)
    value = getattr(scene.contoso, chosen, chosen)
    return msgspec.structs.replace(call, wrong=f"a wrong state: {chosen}", parameters={**call.parameters, name: value})


def _version(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    route = _route(rule)
    if route is None or not route.contract.conditional:
        return None
    tag = f"{chance.randrange(2**128):032x}"
    tags = (
        f'"{tag}"',
        f'W/"{tag}"',
        f'"{tag}", "{tag[::-1]}"',
        '""',
        '"*"',
        f'"{odd.TEXTS[2]}"',
        '"' + "x" * 5_000 + '"',
    )
    headers = {"If-Match": chance.choice(tags)}
    call = right(scene, rule)
    if chance.random() < 0.2 and rule != "PATCH tenants/{tenant}/locations/{location}/recipients/{recipient}":
        headers = {"If-None-Match": "*"}  # all of it exists
    if rule == "PUT tenants/{tenant}/locations/{location}" and "If-Match" in headers and chance.random() < 0.3:
        call = msgspec.structs.replace(call, parameters={**call.parameters, "location": _slug(chance)})
    return msgspec.structs.replace(call, wrong="another version", headers=headers)


def _key(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    """Use the key of an earlier request again, for another one."""
    route = _route(rule)
    if route is None or not route.contract.repeatable:
        return None
    call = right(scene, rule)
    body = (
        b'{"mode":"full","preview":true}' if rule.endswith("/runs") else call.body + f"P{chance.random()},\n".encode()
    )
    return msgspec.structs.replace(
        call, wrong="a key of another request", headers={"Idempotency-Key": "used"}, body=body
    )


def _body(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    call = right(scene, rule)
    if rule == _FILES:
        return msgspec.structs.replace(call, wrong="a row or a header", body=wrong_file(chance))
    body = wrong_body(scene, rule, call.body, chance)
    return None if body is None else msgspec.structs.replace(call, wrong="a value", body=body)


def _charset(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    if rule != _FILES:
        return None
    name = chance.choice(_CHARSETS)
    form = chance.choice(('charset="{}"', "CharSet = {}", 'x=y; charset="{}"; charset=utf-8'))
    headers = {"Content-Type": "text/csv; " + form.format(name)}
    return msgspec.structs.replace(right(scene, rule), wrong="a charset", headers=headers)


def through_the_door(call: Call, headers: dict[str, str]) -> Call:
    """Return a request as it is sent to the door for people."""
    path = call.rule.partition(" ")[2]
    for name, text in call.parameters.items():
        path = path.replace(f"{{{name}}}", quote(text, safe=""))
    return msgspec.structs.replace(call, path=path, headers={**call.headers, **headers})


def _caller(scene: Scene, rule: str, chance: random.Random) -> Call | None:
    """Ask for what exists, as someone who may not."""
    access = RULES.get(rule)
    if access is None:
        return None
    kinds: dict[str, dict[str, str]] = dict(callers.refused())
    strangers: tuple[str, ...] = ()
    match access:
        case Access.SIGNED_IN:
            strangers = callers.WITHOUT_ROLE
        case Access.TENANT:
            strangers = callers.STRANGERS
        case Access.OPERATOR:
            strangers = (*callers.STRANGERS, "contoso")
    held = _route(rule)
    opened = held.scopes if held is not None else frozenset()
    holders = [name for name, scopes in scene.keys_without_access.items() if not scopes & opened or name == "fabrikam"]
    kinds |= {f"a key, {name}": {"x-api-key": value} for name, value in scene.refused_keys.items()}
    kinds["a key and a cookie"] = {"x-api-key": scene.keys["contoso"], "Cookie": "x=y"}
    if access is Access.TENANT:
        kinds |= {f"a key of {name}": {"x-api-key": scene.keys[name]} for name in holders}
    signed_in = {name: {"Authorization": callers.bearer(name)} for name in strangers}
    sites = {f"a page of {site}": callers.from_another_site(site) for site in _SITES}
    chosen = signed_in if signed_in and chance.random() < 0.5 else kinds | sites
    name = chance.choice(list(chosen))
    call = msgspec.structs.replace(right(scene, rule), wrong=f"a caller: {name}")
    return _with_odd_parts(through_the_door(call, chosen[name]), chance)


TECHNIQUES: Final[tuple[Technique, ...]] = (
    _unknown_id, _id_of_the_other_tenant, _state, _version, _key, _charset, _body, _body, _body, _caller,
)  # fmt: skip


def wrong_calls(scene: Scene, rule: str, chance: random.Random) -> Iterator[Call]:
    """Yield bad requests without end, by the techniques that the route allows in turn."""
    while True:
        made = [call for technique in TECHNIQUES if (call := technique(scene, rule, chance)) is not None]
        if not made:
            return
        yield from (call for call in made if call.is_decodable())
