"""Permissions are judged by what they satisfy."""

import re
from itertools import combinations

import pytest

from shared.domain.connections.entra.permissions import judge
from shared.domain.connections.validation_report import CheckStatus

KNOWN = (
    "User.Read.All",
    "User.ReadBasic.All",
    "User.ReadWrite.All",
    "GroupMember.Read.All",
    "Group.Read.All",
    "Directory.Read.All",
    "Application.Read.All",
    "Mail.ReadBasic.All",
)
DOCUMENTED = frozenset({"User.Read.All", "Group.Read.All", "GroupMember.Read.All"})
FEW = [frozenset(roles) for number in range(4) for roles in combinations(KNOWN, number)]


def names(roles: frozenset[str]) -> str:
    """Name a set of permissions, the same in every process: the order of a set differs between them."""
    return ",".join(sorted(roles))


@pytest.mark.parametrize(
    ("roles", "sso", "missing", "unneeded"),
    [
        (DOCUMENTED, False, (), ("Group.Read.All",)),
        (frozenset({"User.Read.All", "GroupMember.Read.All"}), False, (), ()),
        (frozenset({"User.Read.All", "Group.Read.All"}), False, (), ("Group.Read.All",)),
        (frozenset({"Directory.Read.All"}), True, (), ("Directory.Read.All",)),
        (frozenset({"Directory.ReadWrite.All"}), False, (), ("Directory.ReadWrite.All",)),
        (DOCUMENTED, True, ("Application.Read.All",), ("Group.Read.All",)),
        (frozenset(), False, ("User.Read.All", "GroupMember.Read.All"), ()),
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
    assert {name for name in missing if any(name in check.detail for check in failed)} == set(missing)
    assert bool(failed) == bool(missing)
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


@pytest.mark.parametrize("sso", [False, True])
@pytest.mark.parametrize("roles", FEW, ids=names)
def test_only_what_is_granted_is_called_granted(roles: frozenset[str], sso: bool) -> None:  # noqa: FBT001 - a table
    """No title, passed check or summary names a permission as granted that the token does not have."""
    checks, consent = judge(roles, sso_users=sso, consent_link="https://login.example/adminconsent")
    assert set(consent.granted) | set(consent.unneeded) <= roles
    assert not set(consent.missing) & roles
    passed = [check for check in checks if check.status is CheckStatus.PASS]
    assert all(set(re.findall(r"[A-Z]\w+\.[\w.]+\.All", check.title + check.detail)) <= roles for check in passed)
    assert all(name not in check.title for name in KNOWN for check in checks)
    assert len({check.id for check in checks}) == len(checks)


@pytest.mark.parametrize("roles", FEW, ids=names)
def test_following_the_advice_ends_it(roles: frozenset[str]) -> None:
    """Granting what is missing and removing what is unneeded leaves a report without complaints."""
    _, before = judge(roles, sso_users=False, consent_link="")
    checks, _ = judge(roles | set(before.missing), sso_users=False, consent_link="")
    fix = next((check.fix for check in checks if check.id == "broader_permission"), "")
    narrower = fix.removeprefix("Grant ").partition(", then remove")[0].split(", ") if fix else []
    followed = (roles | set(before.missing) | set(narrower)) - set(before.unneeded)
    checks, after = judge(followed, sso_users=False, consent_link="")
    assert {check.status for check in checks} == {CheckStatus.PASS}
    assert (after.missing, after.unneeded) == ((), ())


def test_what_is_missing_with_only_basic_profiles_is_explained() -> None:
    """User.ReadBasic.All lets users be listed, so the report says why that is not enough."""
    checks, consent = judge(frozenset({"User.ReadBasic.All", "GroupMember.Read.All"}), sso_users=False, consent_link="")
    assert consent.missing == ("User.Read.All",)
    assert "User.ReadBasic.All is not enough" in checks[0].detail


def test_group_read_all_alone_is_named_as_broader() -> None:
    """Beside GroupMember.Read.All it is unneeded instead; without it, it is never asked for."""
    checks, _ = judge(frozenset({"User.Read.All", "Group.Read.All"}), sso_users=False, consent_link="")
    titles = [check.title for check in checks if check.status is CheckStatus.PASS]
    assert titles == ["User profiles can be read", "Group members can be read", "Groups can be found by name"]
    warned = [check for check in checks if check.status is CheckStatus.WARN]
    assert [(check.id, check.fix) for check in warned] == [
        ("broader_permission", "Grant GroupMember.Read.All, then remove Group.Read.All.")
    ]


def test_what_may_be_of_use_is_not_called_needless() -> None:
    """Groups that hide their members, and the end of the secret, are read by permissions that nobody has to grant."""
    roles = frozenset({"User.Read.All", "GroupMember.Read.All", "Member.Read.Hidden", "Application.Read.All"})
    checks, consent = judge(roles, sso_users=False, consent_link="")
    assert (consent.missing, consent.unneeded) == ((), ())
    assert {check.status for check in checks} == {CheckStatus.PASS}
