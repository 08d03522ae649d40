"""What error codes of the login service and of Graph mean."""

import pytest

from shared.domain.connections.entra.error_codes import GRAPH_ERRORS, explain
from shared.domain.connections.entra.login_errors import LOGIN_ERRORS
from shared.domain.problem import ErrorCategory


@pytest.mark.parametrize(
    ("code", "category"),
    [
        ("AADSTS7000215", ErrorCategory.CREDENTIALS),
        ("AADSTS90002", ErrorCategory.CREDENTIALS),
        ("AADSTS999999", ErrorCategory.CREDENTIALS),
        ("login_refused", ErrorCategory.CREDENTIALS),
        ("invalid_certificate", ErrorCategory.CREDENTIALS),
        ("Authorization_RequestDenied", ErrorCategory.PERMISSION),
        ("hidden_membership", ErrorCategory.PERMISSION),
        ("throttled", ErrorCategory.THROTTLED),
        ("graph_failing", ErrorCategory.TRANSIENT),
        ("login_busy", ErrorCategory.TRANSIENT),
        ("group_not_found", ErrorCategory.OURS),
        ("Never_Seen", ErrorCategory.OURS),
    ],
)
def test_each_code_has_a_category(code: str, category: ErrorCategory) -> None:
    """Refusals of the login service concern credentials; unknown codes are errors on our side."""
    assert explain(code).category is category


def test_each_code_has_a_sentence_and_a_fix() -> None:
    """Known and unknown ones; an AADSTS code is always named."""
    codes = [*GRAPH_ERRORS, *(f"AADSTS{number}" for number in (*LOGIN_ERRORS, "999999")), "Never_Seen"]
    for code in codes:
        meaning = explain(code)
        assert meaning.title
        assert meaning.detail
        assert meaning.fix
        assert code in meaning.detail or not code.startswith("AADSTS")
