"""Advice must not break what works."""

import msgspec
import pytest

from shared.domain.connections.entra.credential_form import MAX_PROBED_GROUPS, CredentialForm, local_checks
from shared.domain.connections.entra.credentials import CLOUD_ENDPOINTS, Cloud, Endpoints
from shared.domain.connections.entra.endpoints import resolve
from shared.domain.connections.entra.login_errors import refused
from shared.domain.connections.entra.permissions import judge, needs
from shared.domain.connections.validation_report import Check, CheckStatus
from tests.support.builders import person

GOOD = CredentialForm(
    tenant_id=person(1), client_id=person(2), object_id=person(3), client_secret="abc~DEF.secret-value_123"
)


def _advice(id_: str, *roles: str) -> Check:
    checks, _ = judge(frozenset(roles), sso_users=False, consent_link="https://login.example/adminconsent")
    return next(check for check in checks if check.id == id_)


def test_what_only_a_broad_permission_covers_is_granted_before_it_goes() -> None:
    """Nobody is told to remove the one permission that the sync lives on."""
    fix = _advice("broader_permission", "Directory.Read.All").fix
    assert fix.startswith("Grant User.Read.All, GroupMember.Read.All, then remove")
    partly = _advice("broader_permission", "Directory.Read.All", "User.Read.All").fix
    assert "User.Read.All" not in partly
    assert "GroupMember.Read.All" in partly


def test_what_is_truly_unneeded_can_go_at_once() -> None:
    """Beside what is needed, a broader permission may simply be removed; a redundant one is called that."""
    advice = _advice(
        "least_privilege", "Directory.ReadWrite.All", "User.Read.All", "GroupMember.Read.All", "Group.Read.All"
    )
    assert advice.fix.startswith("You can remove")
    assert "Group.Read.All adds nothing" in advice.detail


def test_every_need_says_why() -> None:
    """Each need stands with its reason, so that a reviewer can follow it."""
    assert all(need.why and need.permission in need.satisfied_by for need in needs(sso_users=True))
    assert {need.permission for need in needs(sso_users=True)} - {
        need.permission for need in needs(sso_users=False)
    } == {"Application.Read.All"}


def test_a_missing_enterprise_application_links_to_consent() -> None:
    """Its fix speaks of a link that grants consent, so that is the link it gets; other codes get the error page."""
    consent = "https://login.example/tenant/adminconsent?client_id=1"
    assert refused("AADSTS7000229", "https://login.example", consent_link=consent).link == consent
    other = refused("AADSTS7000215", "https://login.example", consent_link=consent)
    assert other.link == "https://login.example/error?code=7000215"


@pytest.mark.parametrize(
    ("change", "ids"),
    [
        ({"client_id": "abc~DEF" * 6, "client_secret": person(2)}, ["client_id", "secret", "swapped"]),
        ({"groups": ("not-a-guid",)}, ["groups"]),
        ({"groups": tuple(map(person, range(MAX_PROBED_GROUPS + 1)))}, ["groups"]),
    ],
)
def test_swapped_entries_and_groups_are_looked_at(change: dict[str, object], ids: list[str]) -> None:
    """A secret in an id's field is told, without repeating it; so are groups that cannot be read."""
    checks = local_checks(msgspec.structs.replace(GOOD, **change))
    assert [check.id for check in checks if check.status is CheckStatus.FAIL] == ids
    assert "abc~DEF" not in str(checks)


def test_china_has_two_login_hosts() -> None:
    """The name that China's portal shows is accepted too, with China's Graph only."""
    login, graph = "https://login.partner.microsoftonline.cn", CLOUD_ENDPOINTS[Cloud.CHINA].graph
    default = CLOUD_ENDPOINTS[Cloud.GLOBAL]
    assert resolve(Cloud.CHINA, login, None, default=default, allowed=()) == Endpoints(login=login, graph=graph)
