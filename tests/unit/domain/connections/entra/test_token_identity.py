"""A token is compared with the entries, and a wrong entry is answered with the right one."""

import pytest

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
