"""Bodies of the right types that are wrong all the same, by route: each has a fault that is always refused."""

import json
import random
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from shared.domain.imports.cells import MAX_TEXT
from shared.domain.recipient import ADDRESS_FIELDS, API_NAMES, PERSON_FIELDS
from shared.triggers.http.schemas.recipients import FULL_BODY
from tests.attack import odd
from tests.attack.scene import FILE, GROUPS, Scene
from tests.support.builders import person

#: Texts that no name, address or department contains.
_CONTROL: Final = ("a\x00b", "a\x07b", "\x1b[31m", "a\x7fb", "a\x80b", "a\x9bb")
_LONG: Final = ("x" * (MAX_TEXT + 1), "\u0130" * (MAX_TEXT + 1), "\U0001f600" * 2_000)
_NOT_NAMES: Final = ("", " ", "\t", "x" * 201, "\u202eDesk", "De\u200bsk", "De\nsk", "\ufeffDesk", "\U0001f600" * 201)
_NAMES: Final = (*_NOT_NAMES, *_CONTROL, *_LONG)
_NOT_ADDRESSES: Final = (
    "x", "@", "a@", "@example.com", "a@b@example.com", "a b@example.com", "a@example..com", "a@-example.com",
    "a@example", "a@[127.0.0.1]", "a" * 65 + "@example.com", "a@" + "b" * 64 + ".com",
    "a@exa\u0000mple.com", "a..b@example.com", ".a@example.com", "a,b@example.com", "javascript:alert(1)",
)  # fmt: skip
_HOSTS: Final = ("169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "evil.example", "2130706433")
_GRAPHS: Final = (
    "http://graph.microsoft.com",
    "https://graph.microsoft.com@evil.example",
    "https://graph.microsoft.com.",
)
_ENDS: Final = ("0001-01-01T00:00:00Z", "2019-12-31T00:00:00Z", "2150-01-01T00:00:00Z")
_COUNTRIES: Final = ("", "de", "D", "DEU", "XX", "\uff24\uff25", "D\u0415", "..")
_KEY_NAMES: Final = ("", "New", "a b", "-a", "a_b", "rsk_x", "x" * 65, "\u0430", "a\x00", "reader", "revoked")
_TENANTS: Final = ("nothing", "Contoso", "", "\u0441ontoso", "contoso\x00", "x" * 65)
_SHARES: Final = (-1e-9, -1.0, 1.000001, 7.0, 1e300, -1e300)
_PEOPLE: Final = (-1, -(2**31), 100_000_001, 2**53, 10**18)
_DOMAINS: Final = (
    "",
    "x",
    "*",
    "*.",
    "a@example.com",
    "exa mple.com",
    "*.*.example.com",
    "**.example.com",
    "localhost",
)
_VALUES: Final[tuple[list[str], ...]] = (
    [],
    [""],
    [" "],
    ["*"],
    ["* *"],
    ["x", ""],
    ["x" * 201],
    [f"{number}" for number in range(201)],
)

JsonObject = dict[str, Any]
#: Makes a wrong body of a right one.
Maker = Callable[[Scene, JsonObject, random.Random], JsonObject]


def _names(_: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    return {**right, "name": chance.choice(_NAMES)}


def _admins(_: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    grant = {"azureTenantId": person(1), "objectId": person(2)}
    broken = {**grant, chance.choice(list(grant)): chance.choice(odd.NOT_GUIDS)}
    return chance.choice(
        (
            {**right, "azureTenantId": chance.choice(odd.NOT_GUIDS)},
            {**right, "people": [grant, broken]},
            {**right, "people": [broken, *[grant] * chance.randrange(5)]},
            {**right, "people": [{**grant, "objectId": person(number)} for number in range(201)]},
        )
    )


def _sso(_: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    return {**right, chance.choice(("clientId", "objectId")): chance.choice(odd.NOT_GUIDS)}


def _credentials(scene: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    group, other = person(chance.randrange(10**6)), scene.fabrikam.credentials
    return chance.choice(
        (
            {**right, "clientSecret": odd.text(chance) + "?"},
            {**right, "tenantId": chance.choice(odd.NOT_GUIDS)},
            {**right, "tenantId": person(chance.randrange(2_000, 10**6))},
            {**right, "clientId": person(chance.randrange(2_000, 10**6))},
            {**right, "objectId": right["clientId"]},
            {**right, "clientId": right["tenantId"], "tenantId": right["clientId"]},
            {**right, "groups": [chance.choice(odd.NOT_GUIDS), group]},
            {**right, "groups": [person(number) for number in range(21)]},
            {**right, "federated": True},
            {**right, "clientCertificate": odd.text(chance) + "x"},
            {**right, "clientSecret": "", "clientCertificate": "-----BEGIN CERTIFICATE-----\n" + odd.text(chance)},
            {**right, "clientSecret": ""},
            {**right, "loginEndpoint": f"https://{chance.choice(_HOSTS)}"},
            {**right, "graphEndpoint": chance.choice(_GRAPHS)},
            {**right, "secretExpiresOn": chance.choice(_ENDS)},
            {**other, "clientSecret": "of-the-other-tenant"},
        )
    )  # fmt: skip


def _preferences(_: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    place = {"value": "x", "location": "desk"}
    rules: tuple[list[JsonObject], ...] = (
        [],
        [place, {**place, "value": "X "}],
        [{**place, "value": chance.choice(("", " ", "*", "x" * 201))}],
        [{**place, "location": chance.choice(("annex", "nowhere", "Desk", "../desk", "\x00", "desk\u200b"))}],
        [{**place, "value": f"{number}"} for number in range(501)],
    )
    wrong: JsonObject = chance.choice(
        (
            {"guard": {chance.choice(("maxShare", "smallMaxShare")): chance.choice(_SHARES)}},
            {"guard": {chance.choice(("maxPeople", "smallFrom")): chance.choice(_PEOPLE)}},
            {"filters": [{"attribute": "department", "values": chance.choice(_VALUES)}]},
            {"filters": [{"attribute": "department", "values": ["x"]}] * 21},
            {"ssoFilter": {"domains": ["example.com", chance.choice(_DOMAINS)]}},
            {"ssoFilter": {"addresses": [chance.choice(("", "x", "@", "a@", "@b", "a@b@c", "a b@c.de"))]}},
            {"ssoFilter": {"domains": [f"d{number}.example" for number in range(501)]}},
            {"locationRule": {"attribute": "city", "entries": chance.choice(rules)}},
            {"attributes": {"map": {chance.choice(("mail", "Mail", "x", "", "__class__")): "city"}}},
            {"attributes": {"map": {"department": chance.choice(("x", "", "__dict__", "id", "Department"))}}},
            {"attributes": {"defaultCountry": chance.choice(_COUNTRIES)}},
        )
    )  # fmt: skip
    return {**right, **wrong}


def _groups(_: Scene, __: JsonObject, chance: random.Random) -> JsonObject:
    not_guid, known = chance.choice(odd.NOT_GUIDS), list(GROUPS)
    return {
        "groups": chance.choice(
            (
                [not_guid],
                [*known, not_guid],
                [{"id": not_guid, "transitive": chance.random() < 0.5}],
                [known[0], known[0]],
                [known[0], {"id": known[0].upper(), "transitive": False}],
                [f" {known[1]} ", known[1]],
                [person(number) for number in range(1_000, 1_000 + chance.randrange(201, 400))],
            )
        )
    }


def _columns(_: Scene, __: JsonObject, chance: random.Random) -> JsonObject:
    unknown = chance.choice(("x", "", "Mail", "id", "origin", "__class__", "mail\u200b", "display_name", "\x00"))
    return {
        "columns": chance.choice(
            (
                {odd.text(chance): unknown},
                {"Mail": "mail", odd.text(chance) + ".": unknown},
                {f"{number}": None for number in range(chance.randrange(201, 300))},
                {"x" * chance.randrange(12_001, 15_000): None},
            )
        )
    }


def _recipient(_: Scene, __: JsonObject, chance: random.Random) -> JsonObject:
    fields = {name: field for name, field in API_NAMES.items() if name in PERSON_FIELDS}
    name = chance.choice([name for name in fields if hasattr(FULL_BODY, name)])
    bad = (*_CONTROL, *_LONG)
    wrong = chance.choice((*bad, *_NOT_ADDRESSES)) if name in ADDRESS_FIELDS else chance.choice(bad)
    others = {field: odd.text(chance) for field in chance.sample(list(fields.values()), 3)}
    return {**(others if chance.random() < 0.5 else {}), fields[name]: wrong, "active": chance.random() < 0.5}


def _start(_: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    digests = ("", "x", "0" * 63, "0" * 65, "g" * 64, "\uff10" * 64, right["sha256"] + "\n", " " + right["sha256"])
    return chance.choice(
        (
            {**right, "parts": chance.choice((0, -1, 2, 100, 101, 2**31, 2**63 - 1, -(2**63)))},
            {**right, "sha256": chance.choice(digests)},
            {"parts": 1, "approve": odd.text(chance)},
            {"parts": 0, "sha256": "", "approve": right["sha256"]},
        )
    )


def _filter_test(_: Scene, __: JsonObject, chance: random.Random) -> JsonObject:
    domains = chance.choice(([chance.choice(_DOMAINS)], [f"d{number}.example" for number in range(501)]))
    return {"ssoFilter": {"domains": domains}, "address": odd.text(chance)}


def _user(_: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    unknown = person(chance.randrange(2_000, 10**6))
    return {**right, "objectId": chance.choice((*odd.NOT_GUIDS, unknown, unknown, person(2), GROUPS[0], person(50)))}


def _unmapped(_: Scene, __: JsonObject, chance: random.Random) -> JsonObject:
    group = chance.choice((*odd.NOT_GUIDS, person(chance.randrange(2_000, 10**6)), GROUPS[0], GROUPS[1], person(1)))
    return {"group": group, "preview": chance.random() < 0.5}


def _run(scene: Scene, _: JsonObject, chance: random.Random) -> JsonObject:
    mode = chance.choice(("incremental", "full"))
    if chance.random() < 0.5:
        return {"mode": mode, "preferences": {"mode": "full", "requireMail": chance.random() < 0.5}}
    return {"mode": mode, "preview": True, "preferences": _preferences(scene, {}, chance)}


def _approval(scene: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    digest = right["digest"]
    digests = (
        digest.upper() + "X",
        digest[:-1],
        digest + "0",
        f" {digest}",
        scene.contoso.run,
        "",
        sha256(FILE).hexdigest(),
    )
    return {"digest": chance.choice((*digests, odd.text(chance)))}


def _person(_: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    values = {**right, "objectId": person(1), "recipient": odd.text(chance)}
    return chance.choice(
        (
            {},
            {"mail": None},
            values,
            {name: values[name] for name in chance.sample(list(values), 2)},
            {"mail": chance.choice(("", "x", "a b@example.com", "a@b\u2003.com", "x" * 400 + "@example.com"))},
            {"recipient": chance.choice(("", "a/b", "a b", "\x00", "x" * 129, "\u0430", "r:x", "!fence"))},
            {"objectId": chance.choice(("", "a\x00b", "x" * 129, "\x9f"))},
        )
    )


def _key(_: Scene, right: JsonObject, chance: random.Random) -> JsonObject:
    return chance.choice(
        (
            {**right, "name": chance.choice(_KEY_NAMES)},
            {**right, "scopes": []},
            {**right, "tenants": []},
            {**right, "tenants": ["contoso", chance.choice(_TENANTS)]},
            {**right, "expiresInDays": chance.choice((0, -1, 367, 2**31, 2**63 - 1, -(2**63)))},
        )
    )  # fmt: skip


MAKERS: Final[dict[str, Maker]] = {
    "PUT tenants/{tenant}": _names,
    "PUT tenants/{tenant}/admins": _admins,
    "PUT tenants/{tenant}/sso": _sso,
    "PUT tenants/{tenant}/connection": _credentials,
    "PUT tenants/{tenant}/preferences": _preferences,
    "PUT tenants/{tenant}/locations/{location}": _names,
    "PUT tenants/{tenant}/locations/{location}/groups": _groups,
    "PUT tenants/{tenant}/locations/{location}/columns": _columns,
    "PATCH tenants/{tenant}/locations/{location}/recipients/{recipient}": _recipient,
    "POST tenants/{tenant}/locations/{location}/imports/{import}/start": _start,
    "POST tenants/{tenant}/email-filter-tests": _filter_test,
    "POST tenants/{tenant}/users": _user,
    "POST tenants/{tenant}/unmapped-groups": _unmapped,
    "POST tenants/{tenant}/runs": _run,
    "POST tenants/{tenant}/runs/{run}/approve": _approval,
    "POST keys": _key,
    "POST tenants/{tenant}/erasures": _person,
}


def wrong_body(scene: Scene, rule: str, right: bytes, chance: random.Random) -> bytes | None:
    """Return a body of the declared type that is wrong, or None where no body is wrong in itself."""
    make = MAKERS.get(rule)
    if make is None:
        return None
    return json.dumps(make(scene, json.loads(right), chance)).encode()
