"""Validations are limited: per caller, and per caller and target; also across instances and restarts."""

import asyncio
from typing import Any

import pytest

from shared.bootstrap import App, Ports
from shared.domain.access.rate_limit import PER_TARGET, PER_TARGET_GUESSES
from shared.errors import LoginRefused
from tests.support.builders import person
from tests.support.fakes import FakeClock, directories_of
from tests.support.http.calling import Client, Reply
from tests.support.world import SETTINGS

pytestmark = pytest.mark.usefixtures("impatient")


async def guess(api: Client, credentials: dict[str, Any], number: int, path: str = "validate") -> Reply:
    """Send a wrong secret."""
    return await api("POST", path, {**credentials, "clientSecret": f"guess-{number}"})


async def exhausted(api: Client, credentials: dict[str, Any], path: str = "validate") -> None:
    """Guess as often as is allowed."""
    for number in range(PER_TARGET_GUESSES.burst):
        assert (await guess(api, credentials, number, path)).status == 200


async def test_guesses_at_a_secret_come_to_an_end(api: Client, credentials: dict[str, Any], ports: Ports) -> None:
    """429 with Retry-After and a sentence, for the right secret too: the answer tells a guesser nothing."""
    await exhausted(api, credentials)
    refused = await guess(api, credentials, 99)
    assert (refused.status, refused.body["code"], refused.mimetype) == (429, "rate_limited", "application/problem+json")
    wait_s = int(refused.headers["Retry-After"])
    assert 0 < wait_s <= PER_TARGET_GUESSES.period_s / PER_TARGET_GUESSES.burst
    right = await api("POST", "validate", credentials)
    assert {**right.body, "detail": ""} == {**refused.body, "detail": ""}
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(wait_s)
    assert (await api("POST", "validate", credentials)).body["ok"]


async def test_limits_survive_a_restart(
    api: Client, credentials: dict[str, Any], ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new process over the same storage knows what was used."""
    await exhausted(api, credentials)
    anew = App(ports, SETTINGS)
    monkeypatch.setattr("shared.triggers.http.connection.app", lambda: anew)
    assert (await guess(api, credentials, 99)).status == 429


async def test_only_wrong_secrets_are_guesses(api: Client, credentials: dict[str, Any]) -> None:
    """The right one can be checked often, and so can any other mistake."""
    for _ in range(PER_TARGET_GUESSES.burst * 2):
        assert (await api("POST", "validate", credentials)).status == 200
        assert (await api("POST", "validate", {**credentials, "clientId": person(8)})).status == 200


async def test_a_guess_with_swapped_ids_is_one_too(api: Client, credentials: dict[str, Any]) -> None:
    """Ids are also tried in another order: that order's tenant is the one that is guessed at."""
    swapped = {**credentials, "tenantId": credentials["clientId"], "clientId": credentials["tenantId"]}
    for number in range(PER_TARGET_GUESSES.burst):
        fresh = {**swapped, "objectId": person(number), "clientSecret": f"guess-{number}"}
        assert (await api("POST", "validate", fresh)).status == 200
    assert (await guess(api, credentials, 99)).status == 429
    hidden = await api("POST", "validate", {**swapped, "clientSecret": credentials["clientSecret"]})
    assert "suggestion" not in str(hidden.body)


async def test_storing_credentials_is_limited_alike(api: Client, credentials: dict[str, Any]) -> None:
    """It answers the same report, and would serve a guesser as well."""
    await api("PUT", "tenants/contoso", {"name": "Contoso"})
    await api("PUT", "tenants/contoso/sso", {"clientId": person(50)})
    await exhausted(api, credentials, "tenants/contoso/validate")
    assert (await api("PUT", "tenants/contoso/connection", credentials)).status == 429
    assert (await api("GET", "tenants/contoso/connection")).body == {"state": "off"}


async def test_one_target_is_limited_for_one_caller(api: Client, credentials: dict[str, Any]) -> None:
    """And other targets are not."""
    for _ in range(PER_TARGET.burst):
        assert (await api("POST", "validate", credentials)).status == 200
    assert (await api("POST", "validate", credentials)).status == 429
    assert (await api("POST", "validate", {**credentials, "tenantId": person(8)})).status == 200


async def test_what_is_wrong_at_first_sight_is_not_counted(api: Client, credentials: dict[str, Any]) -> None:
    """Not against the target: nobody is asked about it, so nobody can learn anything by it."""
    for _ in range(PER_TARGET.burst + 1):
        report = await api("POST", "validate", {**credentials, "objectId": credentials["clientId"]})
        assert report.status == 200
    assert (await api("POST", "validate", credentials)).body["ok"]


async def test_many_at_once_who_are_right_are_not_guessers(api: Client, credentials: dict[str, Any]) -> None:
    """Only the sign-in is counted as a guess until it is known to be none, not the reads after it."""
    replies = await asyncio.gather(*(api("POST", "validate", credentials) for _ in range(PER_TARGET_GUESSES.burst * 3)))
    assert {reply.status for reply in replies} == {200}


@pytest.mark.parametrize("code", ["AADSTS7000222", "AADSTS53003", "AADSTS7000112", "AADSTS999999"])
async def test_whatever_may_tell_about_the_secret_is_a_guess(
    api: Client, credentials: dict[str, Any], product: App, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """A policy, for one, is looked at only after the secret was right."""
    directories = directories_of(product.ports)
    monkeypatch.setattr(directories, "_refusal", lambda _: LoginRefused("refused", code=code))
    await exhausted(api, credentials)
    assert (await guess(api, credentials, 99)).status == 429
