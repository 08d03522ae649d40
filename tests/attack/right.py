"""Requests that are right, from which the bad ones are made."""

import json
import re
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import inspect

from tests.attack.scene import FILE, GROUPS, Names, Scene
from tests.attack.sending import Call, declared
from tests.support.builders import person

#: Routes that refuse the request here, because nothing is stored that they could accept.
REFUSING: Final = {
    "POST tenants/{tenant}/unmapped-groups": "group_not_refused",
    "POST tenants/{tenant}/runs/{run}/accept": "nothing_to_accept",
    "GET tenants/{tenant}/deletion": "deletion_not_found",
    "GET tenants/{tenant}/locations/{location}/deletion": "deletion_not_found",
}
_BODIES: Final[dict[str, Any]] = {
    "PUT tenants/{tenant}": {"name": "Contoso"},
    "PUT tenants/{tenant}/admins": {"azureTenantId": person(1), "people": []},
    "PUT tenants/{tenant}/sso": {"clientId": person(51)},
    "PUT tenants/{tenant}/preferences": {"mode": "full", "guard": {"maxPeople": 30}},
    "PUT tenants/{tenant}/locations/{location}": {"name": "Desk"},
    "PUT tenants/{tenant}/locations/{location}/groups": {"groups": [{"id": GROUPS[1], "transitive": False}]},
    "PUT tenants/{tenant}/locations/{location}/columns": {"columns": {"Desk": "department", "Size": None}},
    "PATCH tenants/{tenant}/locations/{location}/recipients/{recipient}": {"department": "Sales"},
    "POST tenants/{tenant}/locations/{location}/imports/{import}/start": {
        "parts": 1,
        "sha256": sha256(FILE).hexdigest(),
    },
    "POST tenants/{tenant}/email-filter-tests": {"ssoFilter": {"domains": ["example.com"]}, "address": "a@example.com"},
    "POST tenants/{tenant}/users": {"objectId": person(1), "role": "viewer"},
    "POST tenants/{tenant}/erasures": {"mail": "ada@example.com"},
    "POST tenants/{tenant}/unmapped-groups": {"group": GROUPS[1], "preview": False},
    "POST tenants/{tenant}/runs": {"mode": "incremental"},
    "POST keys": {"name": "new", "scopes": ["read"], "tenants": ["contoso"], "expiresInDays": 30},
}
_CREDENTIALS: Final = frozenset({"POST validate", "POST tenants/{tenant}/validate", "PUT tenants/{tenant}/connection"})
_QUERIES: Final[dict[str, dict[str, str]]] = {"GET tenants/{tenant}/explain": {"user": "user1@example.com"}}
_ENTRY: Final = {"POST ledger/{entry}/replay": "request", "DELETE ledger/{entry}": "lost"}


def right(scene: Scene, rule: str) -> Call:
    """Return a request of the back end that the route accepts."""
    names = scene.contoso
    method, _, path = rule.partition(" ")
    known = parameters_of(names, rule)
    parameters = {name: known.get(name, "x") for name in re.findall(r"\{\*?(\w+)\}", path)}
    return Call(
        rule=rule, wrong="nothing", method=method, parameters=parameters, query=_QUERIES.get(rule, {}),
        body=_body(names, rule),
    )  # fmt: skip


def parameters_of(names: Names, rule: str) -> dict[str, str]:
    """Return what a tenant has for each parameter of a path."""
    waits = rule.endswith(("/approve", "/reject"))
    return {
        "tenant": names.tenant,
        "location": names.location,
        "run": names.held if waits else names.run,
        "recipient": names.recipient,
        "import": names.uploading,
        "number": "1",
        "entry": _ENTRY.get(rule, "lost"),
        "path": "app.js",
        "key": "reader",
        "erasure": names.erasure,
    }


def _body(names: Names, rule: str) -> bytes:
    if rule in _CREDENTIALS:
        return json.dumps(names.credentials).encode()
    if rule.endswith("/approve"):
        return json.dumps({"digest": names.digest}).encode()
    if rule in _BODIES:
        return json.dumps(_BODIES[rule]).encode()
    if rule.endswith(("POST tenants/{tenant}/locations/{location}/recipients", "/parts/{number}")):
        return FILE
    kind = declared(rule)
    return b"" if kind is None else msgspec.json.encode(_plain(inspect.type_info(kind)))


def _plain(kind: inspect.Type) -> Any:  # noqa: ANN401, PLR0911 - JSON of a type, one line each
    """Return plain JSON of the type of a route that is not listed above."""
    match kind:
        case inspect.StructType():
            return {field.encode_name: _plain(field.type) for field in kind.fields if field.required}
        case inspect.EnumType():
            return next(iter(kind.cls)).value
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.BoolType():
            return False
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.DictType():
            return {}
        case inspect.ListType() | inspect.VarTupleType():
            return []
        case inspect.UnionType():
            return _plain(kind.types[0])
        case inspect.DateTimeType():
            return "2030-01-01T00:00:00Z"
    return "x"
