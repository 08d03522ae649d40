"""Mistakes that admins make: how each comes about, and what the report has to say of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.support.builders import person
from tests.support.certificates import Pair, pair
from tests.support.entra import Broken

#: What is changed about the entries that would be right, given what the simulator knows of contoso.
Changes = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]
#: What is changed about the directory, given the simulator and what it knows of contoso.
Arrange = Callable[[Broken, dict[str, Any]], Awaitable[object]]

ELSEWHERE = person(777)
GOV_GRAPH = "https://graph.microsoft.us"
GOV_LOGIN = "https://login.microsoftonline.us"


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One row: the check that must end with `status`, parts of its sentence and of its fix, and who fails with it."""

    name: str
    check: str
    says: str
    fix: str
    entries: Changes = field(default_factory=dict)
    arrange: Arrange | None = None
    status: str = "fail"
    #: Other checks that fail for the same reason.
    also: frozenset[str] = frozenset()
    link: str | None = None
    suggestion: Callable[[dict[str, Any]], dict[str, str]] | None = None
    retry: bool = False


@cache
def known_pair() -> Pair:
    """Return the pair whose certificate is uploaded where a row says so."""
    return pair()


@cache
def ended_pair() -> Pair:
    """Return a pair that has ended."""
    return pair(days=-1)


def _refuse(code: int) -> Arrange:
    return lambda simulator, _: simulator.refuse(code)


def _fault(path: str, action: dict[str, Any]) -> Arrange:
    return lambda simulator, _: simulator.fault(path, action, count=0)


def _login_says(body: dict[str, str]) -> Arrange:
    action = {"type": "respond", "status": 401, "body": body}
    return lambda simulator, _: simulator.fault("", action, where="login", count=0)


def _application(**changes: object) -> Arrange:
    return lambda simulator, _: simulator.call("PATCH", "/directories/contoso/application", changes)


def _roles(*, grant: tuple[str, ...] = (), revoke: tuple[str, ...] = ()) -> Arrange:
    body = {"grant": list(grant), "revoke": list(revoke)}
    return lambda simulator, _: simulator.call("POST", "/directories/contoso/roles", body)


def _expire() -> Arrange:
    return lambda simulator, _: simulator.call("POST", "/directories/contoso/secrets/all/expire")


def _certificate(text: Callable[[], str], password: str = "") -> Changes:
    def changes(_: dict[str, Any]) -> dict[str, Any]:
        return {"clientSecret": "", "clientCertificate": text(), "clientCertificatePassword": password}

    return changes


async def _hide(simulator: Broken, known: dict[str, Any]) -> None:
    group = known["groups"][0]["id"]
    await simulator.call("PATCH", f"/directories/contoso/groups/{group}", {"visibility": "HiddenMembership"})


async def _short_lived(simulator: Broken, known: dict[str, Any]) -> None:
    await simulator.call("POST", "/directories/contoso/roles", {"grant": ["Application.Read.All"]})
    added = await simulator.call("POST", "/directories/contoso/secrets", {"valid_days": 6.5})
    known["client_secret"] = added["client_secret"]


async def _no_sso(simulator: Broken, known: dict[str, Any]) -> None:
    await simulator.call("POST", "/directories/contoso/roles", {"grant": ["Application.Read.All"]})
    body = {"error": {"code": "Request_ResourceNotFound", "message": f"Resource {known['application_id']} not found."}}
    await simulator.fault("appRoleAssignedTo", {"type": "respond", "status": 404, "body": body}, count=0)


_ALL = ("User.Read.All", "Group.Read.All", "GroupMember.Read.All")
_FEDERATED = {"clientSecret": "", "federated": True}

SHAPE = [
    Mistake(
        name="no tenant id",
        entries={"tenantId": " "},
        check="tenant_id",
        says="The tenant ID was not entered",
        fix="the overview page of the Entra admin center",
    ),
    Mistake(
        name="tenant id with a letter too few",
        entries=lambda known: {"tenantId": known["azure_tenant_id"][:-1]},
        check="tenant_id",
        says="must be a GUID",
        fix="the overview page of the Entra admin center",
    ),
    Mistake(
        name="domain for the tenant id",
        entries={"tenantId": "contoso.onmicrosoft.com"},
        check="tenant_id",
        says="is a domain name",
        fix="Copy the tenant ID, a GUID",
    ),
    Mistake(
        name="placeholder for the tenant id",
        entries={"tenantId": "common"},
        check="tenant_id",
        says="'common' does not identify one directory",
        fix="Copy the tenant ID, a GUID",
    ),
    Mistake(
        name="no client id",
        entries={"clientId": ""},
        check="client_id",
        says="The application (client) ID was not entered",
        fix="the overview page of the enterprise application",
    ),
    Mistake(
        name="name for the client id",
        entries={"clientId": "Recipient Sync"},
        check="client_id",
        says="must be a GUID",
        fix="the overview page of the enterprise application",
    ),
    Mistake(
        name="no object id",
        entries={"objectId": ""},
        check="object_id",
        says="The object ID was not entered",
        fix="the overview page of the enterprise application",
    ),
    Mistake(
        name="malformed object id",
        entries={"objectId": "0x7f"},
        check="object_id",
        says="must be a GUID",
        fix="the overview page of the enterprise application",
    ),
    Mistake(
        name="no secret",
        entries={"clientSecret": ""},
        check="secret",
        says="The client secret was not entered",
        fix='copy its "Value"',
    ),
    Mistake(
        name="secret's id for the secret",
        entries=lambda known: {"clientSecret": known["client_secret_id"]},
        check="secret",
        says='that is the "Secret ID"',
        fix='copy its "Value"',
    ),
    Mistake(
        name="secret for the client id",
        entries=lambda known: {"clientId": known["client_secret"], "clientSecret": known["application_id"]},
        check="swapped",
        says="but the client ID is not",
        fix="Swap the client ID and the client secret",
        also=frozenset({"client_id", "secret"}),
    ),
    Mistake(
        name="client id twice",
        entries=lambda known: {"objectId": known["application_id"]},
        check="ids_equal",
        says="The client ID and the object ID always have different values",
        fix="its own field",
    ),
    Mistake(
        name="secret and federated identity",
        entries={"federated": True},
        check="secret",
        says="More than one of client secret",
        fix="Enter one",
    ),
    Mistake(
        name="malformed group",
        entries={"groups": ["All employees"]},
        check="groups",
        says="The object ID of a group must be a GUID",
        fix="Copy the object ID of each group",
    ),
    Mistake(
        name="too many groups",
        entries={"groups": [person(number) for number in range(21)]},
        check="groups",
        says="21 groups were entered",
        fix="remove the groups",
    ),
]

SHAPE += [
    Mistake(
        name="end of the secret in another age",
        entries={"secretExpiresOn": "9999-12-31T23:59:59-12:00"},
        check="secret_expiry",
        says="in the year 9999",
        fix="or leave it empty",
    ),
]

ENDPOINTS = [
    Mistake(
        name="login and Graph of two clouds",
        entries={"graphEndpoint": GOV_GRAPH},
        check="endpoints",
        says="belong to two different clouds",
        fix="leave both endpoints empty",
    ),
    Mistake(
        name="Graph of L4 for L5",
        entries={"cloud": "usgov", "loginEndpoint": "https://login.chinacloudapi.cn"},
        check="endpoints",
        says="belong to two different clouds",
        fix="leave both endpoints empty",
    ),
    Mistake(
        name="somebody else's login host",
        entries={"loginEndpoint": "https://login.microsoftonline.com.evil.example"},
        check="endpoints",
        says="is not on the list of allowed endpoints",
        fix="leave both endpoints empty",
    ),
    Mistake(
        name="plain http",
        entries={"graphEndpoint": "http://graph.microsoft.com"},
        check="endpoints",
        says="is not on the list of allowed endpoints",
        fix="leave both endpoints empty",
    ),
    Mistake(
        name="private address",
        entries={"loginEndpoint": "https://169.254.169.254"},
        check="endpoints",
        says="is not on the list of allowed endpoints",
        fix="leave both endpoints empty",
    ),
]

TENANT = [
    Mistake(
        name="tenant that nobody has",
        entries={"tenantId": ELSEWHERE},
        check="tenant",
        says="AADSTS90002",
        fix="For US Government or China, choose that cloud",
        link="/error?code=90002",
    ),
    Mistake(
        name="tenant that the login service finds malformed",
        arrange=_refuse(900023),
        check="tenant",
        says="AADSTS900023",
        fix="Copy the tenant ID",
    ),
    Mistake(
        name="tenant in US Government",
        arrange=_refuse(90038),
        check="tenant",
        says="to another cloud",
        fix="leave both endpoints empty",
    ),
    Mistake(
        name="application in another cloud",
        arrange=_refuse(900382),
        check="tenant",
        says="in another cloud",
        fix="Register the application in the cloud of the directory",
    ),
    Mistake(
        name="tenant and endpoints of two clouds",
        arrange=_refuse(900432),
        check="tenant",
        says="not in the cloud of the endpoints",
        fix="in which you administer the directory",
    ),
    Mistake(
        name="placeholder that the login service met",
        arrange=_refuse(9001023),
        check="tenant",
        says="do not identify one directory",
        fix="the tenant ID of your directory",
    ),
    Mistake(
        name="placeholder with an application of one tenant",
        arrange=_refuse(50194),
        check="tenant",
        says="not multi-tenant",
        fix="in which the application is registered",
    ),
]

APPLICATION = [
    Mistake(
        name="application of another tenant",
        entries={"clientId": ELSEWHERE},
        check="application",
        says="AADSTS700016",
        fix='Copy the "Application ID"',
    ),
    Mistake(
        name="app registration's object id for the client id",
        entries=lambda known: {"clientId": known["application_object_id"]},
        check="application",
        says="You may have entered an object ID",
        fix='Copy the "Application ID"',
    ),
    Mistake(
        name="client id and object id swapped",
        entries=lambda known: {"clientId": known["object_id"], "objectId": known["application_id"]},
        check="swapped",
        says="The application (client) ID and object ID are swapped",
        fix="Swap them",
        also=frozenset({"application"}),
        suggestion=lambda known: {
            "tenantId": known["azure_tenant_id"],
            "clientId": known["application_id"],
            "objectId": known["object_id"],
        },
    ),
    Mistake(
        name="tenant id and client id swapped",
        entries=lambda known: {"tenantId": known["application_id"], "clientId": known["azure_tenant_id"]},
        check="swapped",
        says="The tenant ID and application (client) ID are swapped",
        fix="Swap them",
        also=frozenset({"tenant"}),
        suggestion=lambda known: {
            "tenantId": known["azure_tenant_id"],
            "clientId": known["application_id"],
            "objectId": known["object_id"],
        },
    ),
    Mistake(
        name="all three ids in a circle",
        entries=lambda known: {
            "tenantId": known["application_id"],
            "clientId": known["object_id"],
            "objectId": known["azure_tenant_id"],
        },
        check="swapped",
        says="The tenant ID, application (client) ID and object ID are swapped",
        fix="Swap them",
        also=frozenset({"tenant"}),
        suggestion=lambda known: {
            "tenantId": known["azure_tenant_id"],
            "clientId": known["application_id"],
            "objectId": known["object_id"],
        },
    ),
    Mistake(
        name="no enterprise application",
        arrange=_application(consented=False),
        check="application",
        says="has not consented to it",
        fix="Grant admin consent with the link",
        link="/adminconsent?client_id=",
    ),
    Mistake(
        name="application switched off",
        arrange=_application(enabled=False),
        check="application",
        says="disabled for the enterprise application",
        fix='set "Enabled for users to sign-in" to Yes',
    ),
    Mistake(
        name="app registration's object id, which may not be read",
        entries=lambda known: {"objectId": known["application_object_id"]},
        check="object_id",
        says="It may be that of the app registration",
        fix="Enter ",
        suggestion=lambda known: {"objectId": known["object_id"]},
    ),
    Mistake(
        name="app registration's object id, which may be read",
        entries=lambda known: {"objectId": known["application_object_id"], "ssoUsers": True},
        arrange=_roles(grant=("Application.Read.All",)),
        check="object_id",
        says="The entered object ID is that of the app registration.",
        fix="Enter ",
        suggestion=lambda known: {"objectId": known["object_id"]},
    ),
    Mistake(
        name="any other object id",
        entries={"objectId": ELSEWHERE},
        check="object_id",
        says="The right object ID is ",
        fix="Enter ",
        suggestion=lambda known: {"objectId": known["object_id"]},
    ),
]

CREDENTIAL = [
    Mistake(
        name="wrong secret",
        entries={"clientSecret": "abc8Q~not-the-secret-that-was-created"},
        check="secret",
        says="AADSTS7000215",
        fix='copy its "Value"',
    ),
    Mistake(
        name="expired secret",
        arrange=_expire(),
        check="secret",
        says="its expiry date has passed",
        fix="Create a new client secret",
    ),
    Mistake(
        name="secret that did not arrive",
        arrange=_refuse(7000218),
        check="secret",
        says="received no secret",
        fix="Enter the client secret",
    ),
    Mistake(
        name="part of the request missing",
        arrange=_refuse(900144),
        check="secret",
        says="did not receive all values",
        fix="Fill in all fields",
    ),
    Mistake(
        name="refusal without a number",
        arrange=_login_says({"error": "invalid_client", "error_description": "no"}),
        check="login",
        says="without a reason",
        fix="Check all entries",
    ),
    Mistake(
        name="text that is no certificate",
        entries=_certificate(lambda: "not a certificate"),
        check="certificate",
        says="neither PEM nor a PFX",
        fix="together with its private key",
    ),
    Mistake(
        name="certificate without its key",
        entries=_certificate(lambda: known_pair().public),
        check="certificate",
        says="does not contain an RSA private key",
        fix="together with its private key",
    ),
    Mistake(
        name="key of another certificate",
        entries=_certificate(lambda: known_pair().private() + ended_pair().public),
        check="certificate",
        says="does not belong to this certificate",
        fix="together with its private key",
    ),
    Mistake(
        name="certificate with the wrong password",
        entries=_certificate(lambda: known_pair().pem("right"), "wrong"),
        check="certificate",
        says="password is missing or wrong",
        fix="enter it with its password",
    ),
    Mistake(
        name="certificate that has ended",
        entries=_certificate(lambda: ended_pair().pem()),
        check="certificate",
        says="The certificate expired on",
        fix="Create a new certificate",
    ),
    Mistake(
        name="certificate that was not uploaded",
        entries=_certificate(lambda: known_pair().pem()),
        check="certificate",
        says="AADSTS700027",
        fix="Upload the certificate",
    ),
    Mistake(
        name="no federated credential",
        entries=_FEDERATED,
        check="federation",
        says="AADSTS70021",
        fix="issuer, subject and audience",
    ),
    Mistake(
        name="federated credential with another subject",
        entries=_FEDERATED,
        arrange=lambda simulator, _: simulator.trust_identity(subject=ELSEWHERE),
        check="federation",
        says="AADSTS700213",
        fix="Correct the subject of the federated credential",
    ),
    Mistake(
        name="federated credential for an identity of another directory",
        entries=_FEDERATED,
        arrange=lambda simulator, _: simulator.trust_identity(home="fabrikam"),
        check="federation",
        says="AADSTS700236",
        fix="Enter a client secret or a certificate",
    ),
    Mistake(
        name="clock that is wrong",
        arrange=_refuse(700024),
        check="certificate",
        says="too early or too late",
        fix="check the clock",
    ),
    Mistake(
        name="secret that ends soon",
        arrange=_short_lived,
        check="secret_expiry",
        status="warn",
        says="in 6 days",
        fix="Create a new secret now",
    ),
]

ACCESS = [
    Mistake(
        name="Conditional Access",
        arrange=_refuse(53003),
        check="access",
        says="A Conditional Access policy",
        fix="Allow our outbound addresses",
    ),
    Mistake(
        name="request loop",
        arrange=_refuse(50196),
        check="access",
        says="an error on our side",
        fix="Wait a few minutes",
    ),
    Mistake(
        name="resource of another cloud",
        arrange=_refuse(500011),
        check="endpoints",
        says="AADSTS500011",
        fix="leave both endpoints empty",
        link="/error?code=500011",
    ),
    Mistake(
        name="refusal that nobody knows",
        arrange=_refuse(1002012),
        check="login",
        says="AADSTS1002012",
        fix="Look up the error with the link",
        link="/error?code=1002012",
    ),
    *(
        Mistake(
            name=f"trouble of the login service ({code})",
            arrange=_refuse(code),
            check="login",
            says="does not mean that the entries are wrong",
            fix="Check again in a minute",
            retry=True,
        )
        for code in (90006, 90012, 90024, 90033, 90055, 90090)
    ),
]

CONSENT = [
    Mistake(
        name="no consent at all",
        arrange=_roles(revoke=_ALL),
        check="permission_users",
        says="is not granted",
        fix="grant admin consent with the link",
        link="/adminconsent?client_id=",
        also=frozenset({"permission_group_members", "permission_groups"}),
    ),
    Mistake(
        name="people may not be read",
        arrange=_roles(revoke=("User.Read.All",)),
        check="permission_users",
        says="to read the names, addresses",
        fix="grant admin consent with the link",
        link="/adminconsent?client_id=",
    ),
    Mistake(
        name="groups may not be read",
        arrange=_roles(revoke=("Group.Read.All", "GroupMember.Read.All")),
        check="permission_group_members",
        says="to read the members of mapped groups",
        fix="grant admin consent with the link",
        link="/adminconsent?client_id=",
        also=frozenset({"permission_groups"}),
    ),
    Mistake(
        name="assignments may not be read",
        entries={"ssoUsers": True},
        check="permission_assignments",
        says="to read the people assigned to the sign-in application",
        fix="grant admin consent with the link",
        link="/adminconsent?client_id=",
    ),
    Mistake(
        name="redundant permission",
        check="least_privilege",
        status="warn",
        says="Group.Read.All adds nothing to GroupMember.Read.All",
        fix="You can remove",
    ),
    Mistake(
        name="only the broader permission for groups",
        arrange=_roles(revoke=("GroupMember.Read.All",)),
        check="broader_permission",
        status="warn",
        says="Group.Read.All allows more than the sync needs",
        fix="Grant GroupMember.Read.All, then remove Group.Read.All",
    ),
    Mistake(
        name="permission without need",
        arrange=_roles(grant=("Mail.Read",), revoke=("Group.Read.All",)),
        check="least_privilege",
        status="warn",
        says="Unnecessary permission: Mail.Read.",
        fix="You can remove",
    ),
    Mistake(
        name="permission that allows far more",
        arrange=_roles(grant=("Directory.ReadWrite.All",), revoke=_ALL),
        check="broader_permission",
        status="warn",
        says="Directory.ReadWrite.All allows more than the sync needs",
        fix="Grant User.Read.All, GroupMember.Read.All",
    ),
]

READS = [
    Mistake(
        name="group that is not there",
        entries={"groups": [ELSEWHERE]},
        check="read_members",
        says="does not exist in Microsoft Graph",
        fix="Copy the object ID of the group",
    ),
    Mistake(
        name="group that hides its members",
        entries=lambda known: {"groups": [known["groups"][0]["id"]]},
        arrange=_hide,
        check="read_members",
        says="hides its members",
        fix="Grant the permission Member.Read.Hidden",
    ),
    Mistake(
        name="sign-in application that is not there",
        entries={"ssoUsers": True},
        arrange=_no_sso,
        check="read_sso",
        says="no enterprise application with the sign-in application's id",
        fix="Copy the Application ID of the sign-in application",
    ),
    Mistake(
        name="Graph that limits us",
        arrange=_fault("^/users", {"type": "throttled", "retry_after_s": 400}),
        check="read_users",
        says="limits our requests",
        fix="Check again in a minute",
        also=frozenset({"read_groups"}),  # told to wait, nothing else is asked either
        retry=True,
    ),
    Mistake(
        name="proxy that answers for Graph",
        arrange=_fault("^/groups", {"type": "html"}),
        check="read_groups",
        says="does not mean that the entries are wrong",
        fix="Check again in a minute",
        retry=True,
    ),
]

MISTAKES = [*SHAPE, *ENDPOINTS, *TENANT, *APPLICATION, *CREDENTIAL, *ACCESS, *CONSENT, *READS]


async def entries_of(simulator: Broken, mistake: Mistake | None = None) -> dict[str, Any]:
    """Return the right body for contoso, with a mistake made."""
    known = await simulator.call("GET", "/directories/contoso")
    if mistake is not None and mistake.arrange is not None:
        await mistake.arrange(simulator, known)
    changes = mistake.entries if mistake is not None else {}
    return {
        "tenantId": known["azure_tenant_id"],
        "clientId": known["application_id"],
        "objectId": known["object_id"],
        "clientSecret": known["client_secret"],
        **(changes(known) if callable(changes) else changes),
    }
