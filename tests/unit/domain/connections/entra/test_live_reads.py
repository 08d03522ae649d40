"""How live reads are reported."""

import pytest

from shared.domain.connections.entra.live_reads import READS, not_allowed, nothing_asked, outcome
from shared.domain.connections.validation_report import CheckStatus, Consent
from shared.errors import Conflict, NeedsAttention, NotFound, SyncError, Transient


@pytest.mark.parametrize(
    ("missing", "skipped"),
    [
        ((), set()),
        (("User.Read.All",), {"read_users", "read_members"}),
        (("GroupMember.Read.All",), {"read_groups", "read_members"}),
        (("Application.Read.All",), {"read_sso"}),
    ],
)
def test_what_a_permission_forbids_is_not_tried(missing: tuple[str, ...], skipped: set[str]) -> None:
    """A missing permission skips the reads that need it, and no others."""
    checks = not_allowed(Consent(missing=missing))
    assert set(checks) == skipped
    assert all(check.status is CheckStatus.SKIP for check in checks.values())


def test_without_a_token_every_later_check_is_skipped() -> None:
    """Whoever reads the report sees what was not looked at."""
    ids = [each.id for each in nothing_asked(sso_users=True)]
    assert ids == ["token_tenant", "token_application", "object_id", "permissions", *READS]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Transient("Busy."), "does not mean that the entries are wrong"),
        (NotFound("No such group."), "object ID"),
        (NeedsAttention("403."), "consent"),
        (Conflict("Leads elsewhere."), "endpoints"),
    ],
)
def test_every_error_says_what_to_do(error: SyncError, words: str) -> None:
    """Each kind of error has its own remedy."""
    check = outcome("read_users", "Users", error)
    assert check.status is CheckStatus.FAIL
    assert str(error) in check.detail
    assert words in f"{check.detail} {check.fix}"
