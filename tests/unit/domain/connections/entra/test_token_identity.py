"""A token is compared with the entries, and a wrong entry is answered with the right one."""

import pytest
from msgspec import UNSET

from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.connections.entra.token_identity import identity_checks
from shared.domain.connections.validation_report import CheckStatus
from tests.support.builders import person

GOOD = CredentialForm(
    tenant_id=person(1), client_id=person(2), object_id=person(3), client_secret="abc~DEF.secret-value_123"
)


def test_a_token_that_fits_passes_in_any_case() -> None:
    """Ids are compared without regard to case."""
    checks = identity_checks(
        GOOD, azure_tenant_id=person(1).upper(), client_id=person(2).upper(), object_id=person(3).upper()
    )
    assert [check.status for check in checks] == [CheckStatus.PASS] * 3


@pytest.mark.parametrize(
    ("ids", "check"),
    [
        ((person(7), person(2), person(3)), "token_tenant"),
        ((person(1), person(7), person(3)), "token_application"),
        ((person(1), person(2), person(7)), "object_id"),
    ],
)
def test_what_differs_is_named_with_what_is_right(ids: tuple[str, str, str], check: str) -> None:
    """The one id that differs fails, and its right value stands in the sentence."""
    checks = identity_checks(GOOD, azure_tenant_id=ids[0], client_id=ids[1], object_id=ids[2])
    failed = [check for check in checks if check.status is CheckStatus.FAIL]
    assert [each.id for each in failed] == [check]
    assert person(7) in failed[0].detail
    assert failed[0].fix


@pytest.mark.parametrize(
    ("ids", "check", "status"),
    [
        (("", person(2), person(3)), "token_tenant", CheckStatus.FAIL),
        ((person(1), "", person(3)), "token_application", CheckStatus.FAIL),
        ((person(1), person(2), ""), "object_id", CheckStatus.WARN),
    ],
)
def test_an_id_that_the_token_does_not_contain_is_not_suggested(
    ids: tuple[str, str, str], check: str, status: CheckStatus
) -> None:
    """Neither the sentence nor the suggestion shows an empty id."""
    checks = identity_checks(GOOD, azure_tenant_id=ids[0], client_id=ids[1], object_id=ids[2])
    (unknown,) = [found for found in checks if found.status is not CheckStatus.PASS]
    assert (unknown.id, unknown.status, unknown.suggestion) == (check, status, UNSET)
    assert " ." not in unknown.detail
    assert "  " not in f"{unknown.detail} {unknown.fix}"
