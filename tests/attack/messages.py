"""Messages of queues: of the right form but for work that does not exist, and malformed ones."""

import base64
import json
import random
from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from shared.domain.ids import MAIN, ObjectId, group_source, whole_directory
from shared.domain.sync.jobs import Job, SyncRequest
from shared.domain.sync.queue_messages import REPEATED
from tests.attack import odd
from tests.attack.scene import GROUPS, Names, Scene
from tests.attack.sending import Post
from tests.support.builders import person

_KINDS: Final = get_args(Job)
#: Properties that say what a job is about; the others are counts and times, which may have any value.
_IDS: Final = frozenset({"tenant", "run", "source", "location", "import_id"})
_ATTEMPT: Final = "0123456789abcdef"
_NOT_TENANTS: Final = (
    "",
    "Contoso",
    "con toso",
    "../contoso",
    "contoso\x00",
    "x" * 65,
    "contoso:main",
    "contoso/fabrikam",
    "\u0441ontoso",
)

_NOT_JOBS: Final = (
    b"[" * 4_000, b'{"tenant":' * 400, b"[" * 100_000, b"\x00" * 10, b"PK\x03\x04", b"<xml/>", b"null", b"[]",
)  # fmt: skip


def wrong_messages(scene: Scene, queue: str, chance: random.Random) -> Iterator[Post]:
    """Yield messages of the right form, without end, whose work does not exist or is not theirs."""
    kinds = [kind for kind in _KINDS if kind.queue == queue]
    while True:
        kind = chance.choice(kinds)
        wrong, ids = _request(scene, chance) if kind is SyncRequest else _job(scene, chance)
        properties = _job_properties(kind, ids, chance) if kind is not SyncRequest else ids
        text = json.dumps(properties)
        if kind is SyncRequest and chance.random() < 0.3:
            text = base64.b64encode(text.encode()).decode()
        post = Post(rule=queue, wrong=wrong, text=text.encode(), deliveries=chance.choice((1, 1, 2, 5)))
        if post.is_decodable():
            yield post


def _request(scene: Scene, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """Return a request of a run of a tenant that does not exist or is not connected, or of what is not a sync."""
    if chance.random() < 0.1:
        mode = {"mode": "full"} if chance.random() < 0.5 else {}
        names = chance.choice((scene.contoso, scene.fabrikam))
        return "the run of an import", {
            "tenant": names.tenant,
            "request": names.importing,
            "by": odd.text(chance),
            **mode,
        }
    if chance.random() < 0.1:
        run = f"{chance.randrange(10**13):013d}-{chance.randrange(2**32):08x}"
        return "a repetition of what no one requested", {
            "tenant": chance.choice((scene.contoso, scene.fabrikam)).tenant,
            "request": chance.choice((run, odd.text(chance)[:200] + "?")),
            "by": chance.choice(sorted(REPEATED)),
        }
    tenant = chance.choice(("adatum", f"unknown-{chance.randrange(10**6)}"))
    more: dict[str, Any] = {
        "mode": chance.choice(("full", "incremental", "FULL")),
        "request": odd.text(chance)[:200],
        "id": odd.text(chance),
    }
    chosen = {name: value for name, value in more.items() if chance.random() < 0.5}
    return "a tenant without a directory", {"tenant": tenant, **chosen}


def _job(scene: Scene, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """Return the ids of a job of which at least one is wrong."""
    own, other = scene.contoso, scene.fabrikam
    run = f"{chance.randrange(10**13):013d}-{chance.randrange(2**32):08x}"
    active = scene.active
    match chance.randrange(5):
        case 0:
            return "an unknown tenant", _ids(own, chance) | {"tenant": f"unknown-{chance.randrange(10**6)}"}
        case 1:
            return "an unknown run", _ids(own, chance) | {"run": run}
        case 2:
            return "a run of another tenant", _ids(own, chance) | {
                "run": chance.choice((other.run, other.held, active))
            }
        case 3:
            ended = chance.choice((own.run, own.preview))
            return "a run that has ended", _ids(own, chance) | {"run": ended}
        case _:
            # The source, location or import is not part of the active run.
            foreign = {
                "source": group_source(MAIN, ObjectId(person(chance.randrange(10**6) + 2_000)), transitive=True),
                "location": chance.choice((own.location, f"unknown-{chance.randrange(10**6)}")),
                "import_id": chance.choice((own.uploading, own.ended, run)),
            }
            return "no part of the run", {"tenant": other.tenant, "run": active, **foreign}


def _ids(names: Names, chance: random.Random) -> dict[str, Any]:
    source = chance.choice((whole_directory(MAIN), *(group_source(MAIN, group, transitive=True) for group in GROUPS)))
    return {
        "tenant": names.tenant, "run": names.run, "source": source, "location": names.location,
        "import_id": chance.choice((names.uploading, names.ended)),
    }  # fmt: skip


def _job_properties(kind: Any, ids: dict[str, Any], chance: random.Random) -> dict[str, Any]:  # noqa: ANN401 - a type
    """Return the message of a job: with these ids, and with odd counts and times."""
    properties: dict[str, Any] = {}
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        if field.name in _IDS:
            properties[field.encode_name] = ids[field.name]
        elif field.name == "answers":
            properties[field.encode_name] = [_ATTEMPT] * chance.randrange(3)
        elif field.required or chance.random() < 0.5:
            properties[field.encode_name] = odd.value(field.type, chance)
    if info.tag_field is not None:
        properties[info.tag_field] = info.tag
    if chance.random() < 0.3:
        properties |= {
            "traceparent": chance.choice((None, "00-x", "00-" + "0" * 32 + "-" + "0" * 16 + "-01")),
            "due": 0,
        }
    return properties


def malformed_messages(scene: Scene, queue: str, chance: random.Random) -> Iterator[Post]:
    """Yield messages, without end, that are not jobs of the queue."""
    kinds = [kind for kind in _KINDS if kind.queue == queue]
    while True:
        kind = chance.choice(kinds)
        right = (
            {"tenant": "contoso"} if kind is SyncRequest else _job_properties(kind, _ids(scene.contoso, chance), chance)
        )
        post = Post(rule=queue, wrong="malformed", text=_damaged(kind, right, chance))
        if not post.is_decodable():
            yield post


def _damaged(kind: Any, right: dict[str, Any], chance: random.Random) -> bytes:  # noqa: ANN401 - a type
    text = json.dumps(right).encode()
    required = [
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if field.required and field.name in {"tenant", *_IDS}
    ]
    name = chance.choice([name for name in required if name in right])
    wrong: Any = chance.choice((None, True, 1, -1.5, [], {}, [right[name]], {"id": right[name]}, *_NOT_TENANTS))
    mode: dict[str, Any] = (
        {"mode": chance.choice(("sometimes", 1, [], "full\u200b"))} if kind is SyncRequest else {"schema": "1"}
    )
    other = {key: value for key, value in right.items() if key != name}
    return chance.choice(
        (
            text[: chance.randrange(len(text))] + b"\xff",
            json.dumps(other).encode(),
            json.dumps({**right, name: wrong}).encode(),
            json.dumps({**right, name: wrong}).encode(),
            chance.choice(_NOT_JOBS),
            text + chance.choice((b"}", b"\x00", b",", text)),
            base64.b64encode(base64.b64encode(text)),
            base64.b64encode(text)[1:],
            text.decode().encode("utf-16"),
            json.dumps({**right, "tenant": chance.choice(_NOT_TENANTS), **mode}).encode(),
        )
    )
