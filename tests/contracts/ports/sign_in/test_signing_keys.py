"""The login service's signing keys: when they are loaded, and how long they are used."""

import asyncio
import gzip
import time

import pytest

from shared.adapters.network.bounded_response import MAX_ANSWER_BYTES
from shared.adapters.sign_in import EntraSignIn
from shared.errors import Transient
from tests.support.login_service import PERSON, Keys, bearer, opened, refused

#: Answers instead of keys, each with its encoding.
UNREADABLE = [
    (b'{"keys":[' + b" " * MAX_ANSWER_BYTES + b"]}", "identity"),
    (gzip.compress(b'{"keys":[' + b" " * MAX_ANSWER_BYTES + b"]}", mtime=0), "gzip"),
    (gzip.compress(b" " * 200 * MAX_ANSWER_BYTES, 1), "gzip"),
    (b"no gzip", "gzip"),
    *((text, "identity") for text in (b"", b"[]", b'{"keys":5}', b'{"keys":[5]}', b'{"keys":[]}', b"\xff")),
    *((b'{"keys":[%b]}' % entry, "identity") for entry in (b"{}", b'{"kty":5}', b'{"kty":"RSA","n":5,"e":"x"}')),
    (b'{"keys":[{"kty":"RSA","kid":"key-1","n":"AQ","e":"!"}]}', "identity"),
    (b'{"keys":[{"kty":"RSA","kid":"key-1","n":"\xc3\xa4","e":"AQAB"}]}', "identity"),
    (b"[" * 100_000, "identity"),
    (b'{"keys":[{"x":' + b"[" * 100_000, "identity"),
]


async def test_keys_are_fetched_once_and_again_for_a_new_one(
    keys: Keys, sign_in: EntraSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown key does not cause more than one request in five minutes."""
    for _ in range(3):
        await sign_in.person(bearer(keys.token()))
    assert keys.asked == 1
    keys.publish("key-2")
    for _ in range(3):
        assert await refused(sign_in, bearer(keys.token(kid="key-2"))) == "not_signed_in"
    assert keys.asked == 1
    later = time.monotonic() + 301
    monkeypatch.setattr("shared.adapters.sign_in.monotonic", lambda: later)
    assert (await sign_in.person(bearer(keys.token(kid="key-2")))).object_id == PERSON
    assert keys.asked == 2


async def test_an_unknown_key_makes_no_other_caller_wait(
    keys: Keys, sign_in: EntraSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the login service hangs, those with a known key are believed, and it is asked once."""
    await sign_in.person(bearer(keys.token()))
    later = time.monotonic() + 301
    monkeypatch.setattr("shared.adapters.sign_in.monotonic", lambda: later)
    keys.hangs = asyncio.Event()
    strangers = [asyncio.create_task(refused(sign_in, bearer(keys.token(kid=f"no-{n}")))) for n in range(5)]
    async with asyncio.timeout(5):
        await keys.arrived.wait()
        assert (await sign_in.person(bearer(keys.token()))).object_id == PERSON
    assert not any(stranger.done() for stranger in strangers)
    keys.hangs.set()
    assert await asyncio.gather(*strangers) == ["not_signed_in"] * 5
    assert keys.asked == 2


async def test_older_keys_work_for_a_day_while_the_login_service_is_down(
    keys: Keys, sign_in: EntraSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once a minute; an unknown key is not refused, because it may be new."""
    start, day_s = time.monotonic(), 86_400
    now = [start]
    monkeypatch.setattr("shared.adapters.sign_in.monotonic", lambda: now[0])
    await sign_in.person(bearer(keys.token()))
    keys.status = 503
    for after_s, asked in ((day_s + 1, 2), (day_s + 30, 2), (day_s + 62, 3), (2 * day_s - 1, 4)):
        now[0] = start + after_s
        assert (await sign_in.person(bearer(keys.token()))).object_id == PERSON
        assert keys.asked == asked
    with pytest.raises(Transient):
        await sign_in.person(bearer(keys.token(kid="key-2")))
    assert keys.asked == 4
    now[0] = start + 2 * day_s + 1
    with pytest.raises(Transient):
        await sign_in.person(bearer(keys.token()))
    keys.status = 200
    assert (await sign_in.person(bearer(keys.token()))).object_id == PERSON
    now[0] += 61
    assert await refused(sign_in, bearer(keys.token(kid="key-2"))) == "not_signed_in"
    assert keys.asked == 6


async def test_a_login_service_that_does_not_answer_is_not_a_refusal(keys: Keys, sign_in: EntraSignIn) -> None:
    """503 with a Retry-After, rather than 401."""
    keys.status = 503
    with pytest.raises(Transient) as error:
        await sign_in.person(bearer(keys.token()))
    assert error.value.code == "sign_in_keys"
    keys.status = 200
    assert (await sign_in.person(bearer(keys.token()))).object_id == PERSON


async def test_keys_that_arrive_in_pieces_are_read_to_their_end(keys: Keys, sign_in: EntraSignIn) -> None:
    """The real document has some 20 kB; its first piece does not hold them."""
    keys.published += [{**keys.published[0], "kid": f"other-{number}", "x5c": ["x" * 1_500]} for number in range(10)]
    keys.pieces = 1_400
    assert (await sign_in.person(bearer(keys.token()))).object_id == PERSON
    keys.published *= 100
    with pytest.raises(Transient):
        await opened(keys, easy_auth=False).person(bearer(keys.token()))


@pytest.mark.parametrize(("content", "encoding"), UNREADABLE, ids=range(len(UNREADABLE)))
async def test_keys_that_cannot_be_read_are_an_outage(
    keys: Keys, sign_in: EntraSignIn, content: bytes, encoding: str
) -> None:
    """However large or deep: no one is refused for it, and keys that were loaded before stay in use."""
    keys.instead = (content, encoding)
    with pytest.raises(Transient) as error:
        await sign_in.person(bearer(keys.token()))
    assert error.value.code == "sign_in_keys"
