"""The report names everything that is wrong and can be known."""

import msgspec
import pytest

from shared.bootstrap import App
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.connections.entra.token_identity import TokenReport
from shared.domain.connections.validation_report import CheckStatus, Report
from shared.domain.directory import Source
from shared.errors import Conflict, LoginRefused, NeedsAttention, SyncError, Transient
from tests.support.builders import BACK_END, person
from tests.support.fakes import FakeDirectory


def _ids(report: Report, status: CheckStatus) -> list[str]:
    return [check.id for check in report.checks if check.status is status]


async def test_right_entries_pass_every_check(app: App, entries: CredentialForm) -> None:
    """Shape, endpoints, secret, ids, permissions and a read of each kind."""
    report = await app.connect.check(entries, BACK_END)
    assert report.ok
    assert _ids(report, CheckStatus.PASS) == [
        "entries",
        "endpoints",
        "tenant",
        "application",
        "secret",
        "token_tenant",
        "token_application",
        "object_id",
        "permission_users",
        "permission_group_members",
        "permission_groups",
        "read_users",
        "read_groups",
        "read_members",
    ]
    assert _ids(report, CheckStatus.WARN) == ["least_privilege"]
    assert report.consent.missing == ()


async def test_faults_of_shape_come_all_at_once_and_before_any_request(
    app: App, entries: CredentialForm, directory: FakeDirectory
) -> None:
    """Ids, secret and endpoints are judged together; nobody is asked, and the report says so."""
    wrong = msgspec.structs.replace(
        entries, tenant_id="common", client_secret=person(9), graph_endpoint="https://evil.example"
    )
    report = await app.connect.check(wrong, BACK_END)
    assert not report.ok
    assert _ids(report, CheckStatus.FAIL) == ["tenant_id", "secret", "endpoints"]
    assert _ids(report, CheckStatus.SKIP)[:3] == ["tenant", "application", "secret"]
    assert {"object_id", "permissions", "read_users"} <= set(_ids(report, CheckStatus.SKIP))
    assert directory.requests == 0
    assert all(check.fix for check in report.checks if check.status is CheckStatus.FAIL)


@pytest.mark.parametrize(
    ("change", "check", "title"),
    [
        ({"client_secret": "the-wrong-secret"}, "secret", "The client secret is wrong"),
        ({"client_id": person(8)}, "application", "The application was not found in this tenant"),
        ({"tenant_id": person(8)}, "tenant", "The tenant was not found"),
    ],
)
async def test_a_refused_login_is_one_sentence(
    app: App, entries: CredentialForm, change: dict[str, str], check: str, title: str
) -> None:
    """One check fails, what depends on it is skipped, and the secret is nowhere in the answer."""
    wrong = msgspec.structs.replace(entries, **change)
    report = await app.connect.check(wrong, BACK_END)
    failed = [check for check in report.checks if check.status is CheckStatus.FAIL]
    assert [(each.id, each.title) for each in failed] == [(check, title)]
    assert "read_users" in _ids(report, CheckStatus.SKIP)
    assert wrong.client_secret not in msgspec.json.encode(report).decode()


@pytest.mark.parametrize(
    ("error", "check", "words"),
    [
        (
            Transient("The login service is busy (AADSTS90033)."),
            "login",
            ["AADSTS90033", "does not mean that the entries are wrong"],
        ),
        (
            LoginRefused("Refused.", code="AADSTS7000222", trace_id="trace-1", correlation_id="correlation-1"),
            "secret",
            ["AADSTS7000222", "trace-1", "correlation-1"],
        ),
        (LoginRefused("Refused.", code="AADSTS999999", trace_id="trace-1"), "login", ["AADSTS999999", "trace-1"]),
    ],
)
async def test_what_the_login_service_says_is_passed_on(
    app: App,
    entries: CredentialForm,
    directory: FakeDirectory,
    monkeypatch: pytest.MonkeyPatch,
    error: SyncError,
    check: str,
    words: list[str],
) -> None:
    """With code and ids where it gave them; and what passes by itself is blamed on nobody."""

    async def refuse() -> TokenReport:
        raise error

    monkeypatch.setattr(directory, "token", refuse)
    report = await app.connect.check(entries, BACK_END)
    (failed,) = (check for check in report.checks if check.status is CheckStatus.FAIL)
    assert failed.id == check
    assert all(word in failed.detail for word in words)
    assert failed.fix
    assert "read_users" in _ids(report, CheckStatus.SKIP)


async def test_a_wrong_object_id_is_answered_with_the_right_one(
    app: App, entries: CredentialForm, directory: FakeDirectory
) -> None:
    """The token knows it; everything else is checked all the same."""
    report = await app.connect.check(msgspec.structs.replace(entries, object_id=person(8)), BACK_END)
    (failed,) = (check for check in report.checks if check.status is CheckStatus.FAIL)
    assert failed.id == "object_id"
    assert directory.object_id in failed.fix
    assert "read_members" in _ids(report, CheckStatus.PASS)


async def test_without_any_permission_each_is_named_with_the_consent_link(
    app: App, entries: CredentialForm, directory: FakeDirectory
) -> None:
    """No roles in the token means no consent; nothing is read that cannot be."""
    directory.roles = frozenset()
    report = await app.connect.check(entries, BACK_END)
    missing = [check for check in report.checks if check.status is CheckStatus.FAIL]
    assert [each.id for each in missing] == [
        "permission_users",
        "permission_group_members",
        "permission_groups",
    ]
    link = f"https://login.example/{entries.tenant_id}/adminconsent?client_id={entries.client_id}"
    assert {each.link for each in missing} == {link}
    assert directory.requests == 0


async def test_sign_in_users_need_one_more_permission(app: App, entries: CredentialForm) -> None:
    """Application.Read.All is asked for only with them."""
    report = await app.connect.check(msgspec.structs.replace(entries, sso_users=True), BACK_END)
    assert report.consent.missing == ("Application.Read.All",)
    assert "read_members" in _ids(report, CheckStatus.PASS)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Transient("Microsoft Graph is failing."), "does not mean that the entries are wrong"),
        (NeedsAttention("Microsoft Graph refuses (403)."), "refuses (403)"),
        (Conflict("Microsoft Graph sends us elsewhere."), "elsewhere"),
    ],
)
async def test_a_read_that_fails_takes_nothing_back(
    app: App, entries: CredentialForm, directory: FakeDirectory, error: SyncError, words: str
) -> None:
    """The secret stays right and the consent stays known; only that read fails."""
    directory.broken[Source().id] = (0, error)
    report = await app.connect.check(entries, BACK_END)
    (failed,) = (check for check in report.checks if check.status is CheckStatus.FAIL)
    assert failed.id == "read_users"
    assert words in failed.detail
    assert "secret" in _ids(report, CheckStatus.PASS)
    assert report.consent.granted


async def test_groups_that_are_named_are_read(app: App, entries: CredentialForm) -> None:
    """A group that is not there fails; one that is passes."""
    probing = msgspec.structs.replace(entries, groups=(person(100), person(101)))
    report = await app.connect.check(probing, BACK_END)
    members = [check for check in report.checks if check.id == "read_members"]
    assert [check.status for check in members] == [CheckStatus.PASS, CheckStatus.FAIL]
    assert person(101) in members[1].title


async def test_a_directory_without_groups_can_be_connected(
    app: App, entries: CredentialForm, directory: FakeDirectory
) -> None:
    """There is nothing to read members of, and that is no fault."""
    directory.members.clear()
    report = await app.connect.check(entries, BACK_END)
    assert report.ok
    assert "read_members" in _ids(report, CheckStatus.SKIP)
