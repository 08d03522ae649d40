"""Permissions are judged by what they satisfy."""

import pytest

from shared.domain.connections.entra.permissions import judge
from shared.domain.connections.validation_report import CheckStatus

DOCUMENTED = frozenset({"User.Read.All", "Group.Read.All", "GroupMember.Read.All"})


@pytest.mark.parametrize(
    ("roles", "sso", "missing", "unneeded"),
    [
        (DOCUMENTED, False, (), ("Group.Read.All",)),
        (frozenset({"User.Read.All", "GroupMember.Read.All"}), False, (), ()),
        (frozenset({"User.Read.All", "Group.Read.All"}), False, (), ()),
        (frozenset({"Directory.Read.All"}), True, (), ("Directory.Read.All",)),
        (frozenset({"Directory.ReadWrite.All"}), False, (), ("Directory.ReadWrite.All",)),
        (DOCUMENTED, True, ("Application.Read.All",), ("Group.Read.All",)),
        (frozenset(), False, ("User.Read.All", "GroupMember.Read.All", "Group.Read.All"), ()),
        (frozenset({"GroupMember.Read.All"}), False, ("User.Read.All",), ()),
        (DOCUMENTED | {"Mail.Read"}, False, (), ("Group.Read.All", "Mail.Read")),
    ],
)
def test_what_is_missing_and_what_is_too_much(
    roles: frozenset[str],
    sso: bool,  # noqa: FBT001 - a table
    missing: tuple[str, ...],
    unneeded: tuple[str, ...],
) -> None:
    """A superset satisfies a need; what is granted without need is named and never failed for."""
    checks, consent = judge(roles, sso_users=sso, consent_link="https://login.example/adminconsent")
    assert (consent.missing, consent.unneeded) == (missing, unneeded)
    failed = [check for check in checks if check.status is CheckStatus.FAIL]
    assert [check.id for check in failed] == [f"permission_{name}" for name in missing]
    assert all(check.link and check.fix for check in failed)
    warned = [check for check in checks if check.status is CheckStatus.WARN]
    assert bool(warned) == bool(unneeded)
    assert all(name in " ".join(check.detail for check in warned) for name in unneeded)


def test_what_serves_a_need_is_granted_however_broad() -> None:
    """A summary never says that nothing is granted and nothing is missing."""
    _, consent = judge(frozenset({"Directory.Read.All"}), sso_users=True, consent_link="")
    assert (consent.granted, consent.missing) == (("Directory.Read.All",), ())
    _, consent = judge(DOCUMENTED, sso_users=False, consent_link="")
    assert consent.granted == tuple(sorted(DOCUMENTED))


def test_what_may_be_of_use_is_not_called_needless() -> None:
    """Groups that hide their members, and the end of the secret, are read by permissions that nobody has to grant."""
    roles = frozenset({"User.Read.All", "GroupMember.Read.All", "Member.Read.Hidden", "Application.Read.All"})
    checks, consent = judge(roles, sso_users=False, consent_link="")
    assert (consent.missing, consent.unneeded) == ((), ())
    assert {check.status for check in checks} == {CheckStatus.PASS}
