"""What is said about an admin's entries before anybody is asked."""

import msgspec
import pytest

from shared.domain.connections.entra.credential_form import CredentialForm, local_checks
from shared.domain.connections.entra.credentials import CLOUD_ENDPOINTS, Cloud, Endpoints
from shared.domain.connections.entra.endpoints import resolve
from shared.domain.connections.entra.login_errors import LOGIN_ERRORS, refused
from shared.domain.connections.validation_report import CheckStatus
from shared.errors import Rejected
from tests.support.builders import person

GOOD = CredentialForm(
    tenant_id=person(1), client_id=person(2), object_id=person(3), client_secret="abc~DEF.secret-value_123"
)


@pytest.mark.parametrize(
    ("change", "ids"),
    [
        ({}, []),
        ({"tenant_id": ""}, ["tenant_id"]),
        ({"tenant_id": "common"}, ["tenant_id"]),
        ({"client_id": "not-a-guid"}, ["client_id"]),
        ({"object_id": person(3)[:-1]}, ["object_id"]),
        ({"client_secret": ""}, ["secret"]),
        ({"client_secret": person(9)}, ["secret"]),
        ({"object_id": person(2)}, ["ids_equal"]),
        ({"tenant_id": person(2), "client_secret": person(9)}, ["secret", "ids_equal"]),
        ({"tenant_id": "x", "client_id": "y", "object_id": "z", "client_secret": ""}, [
            "tenant_id", "client_id", "object_id", "secret",
        ]),
    ],
)  # fmt: skip
def test_all_faults_at_once(change: dict[str, str], ids: list[str]) -> None:
    """Every fault is named, each with what to do."""
    checks = local_checks(msgspec.structs.replace(GOOD, **change))
    failed = [check for check in checks if check.status is CheckStatus.FAIL]
    assert [check.id for check in failed] == ids
    assert all(check.title and check.detail and check.fix for check in failed)


def test_pasted_space_and_quotes_are_forgiven() -> None:
    """What comes along when ids are copied is not held against anybody."""
    pasted = msgspec.structs.replace(
        GOOD, tenant_id=f' "{person(1).upper()}" ', client_secret=f"{GOOD.client_secret}\n"
    )
    assert pasted.cleaned() == GOOD


def test_the_secret_is_in_no_representation() -> None:
    """Not even in a traceback's."""
    assert GOOD.client_secret not in f"{GOOD!r} {GOOD}"


#: The codes that a wrong entry can cause, from Microsoft's list of error codes.
CODES = [
    *("900023", "90002", "90038", "900382", "900432", "9001023", "50194", "700016", "7000229", "7000215", "7000222"),
    *("7000218", "900144", "7000112", "53003", "700027", "70021", "700213", "700236", "700024", "50196"),
]


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_own_sentence(code: str) -> None:
    """Title, sentence and fix, with the code and the ids, and a link to Microsoft's own page."""
    check = refused(f"AADSTS{code}", "https://login.example", " Trace ID trace-1. Correlation ID correlation-1.")
    assert check.status is CheckStatus.FAIL
    assert f"AADSTS{code}" in check.detail
    assert "trace-1" in check.detail
    assert "correlation-1" in check.detail
    assert check.link == f"https://login.example/error?code={code}"
    assert check.fix == LOGIN_ERRORS[code].fix


def test_an_unknown_code_is_passed_on() -> None:
    """With its number, ids and link."""
    check = refused("AADSTS999999", "https://login.example", "trace-1", None)
    assert check.id == "login"
    assert "AADSTS999999" in check.detail
    assert "trace-1" in check.detail


LOCAL = Endpoints(login="https://127.0.0.1:1", graph="https://127.0.0.1:2")
GLOBAL = CLOUD_ENDPOINTS[Cloud.GLOBAL]


def test_endpoints_come_from_the_cloud_or_the_list() -> None:
    """A cloud's own pair, by name or spelled out, and pairs that the operator allows."""
    assert resolve(Cloud.GLOBAL, None, None, default=GLOBAL, allowed=()) == GLOBAL
    china = CLOUD_ENDPOINTS[Cloud.CHINA]
    assert resolve(Cloud.GLOBAL, f"{china.login}/", china.graph.upper(), default=GLOBAL, allowed=()) == china
    assert resolve(Cloud.GLOBAL, LOCAL.login, LOCAL.graph, default=GLOBAL, allowed=(LOCAL,)) == LOCAL


@pytest.mark.parametrize(
    ("login", "graph", "code"),
    [
        ("https://login.microsoftonline.us", None, "endpoints_mixed"),
        ("https://evil.example", None, "endpoint_not_allowed"),
        (None, "https://169.254.169.254", "endpoint_not_allowed"),
        (None, "http://graph.microsoft.com", "endpoint_not_allowed"),
        (LOCAL.login, LOCAL.graph, "endpoint_not_allowed"),
    ],
)
def test_other_endpoints_are_refused(login: str | None, graph: str | None, code: str) -> None:
    """Whoever chooses the hosts would receive the secret and the token."""
    with pytest.raises(Rejected) as raised:
        resolve(Cloud.GLOBAL, login, graph, default=GLOBAL, allowed=())
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("code", "check", "fix"),
    [
        ("AADSTS50012", "certificate", "Upload the certificate"),
        ("AADSTS500011", "endpoints", "leave both endpoints empty"),
    ],
)
def test_numbers_of_credentials_and_endpoints_have_sentences(code: str, check: str, fix: str) -> None:
    """They name what to change, and the number."""
    refusal = refused(code, "https://login.example")
    assert (refusal.id, refusal.status) == (check, CheckStatus.FAIL)
    assert fix in refusal.fix
    assert code in refusal.detail
