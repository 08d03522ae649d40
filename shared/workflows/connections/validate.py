"""Validate: everything that is wrong with entered credentials and can be known, in one report. Stores nothing."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from shared.domain.access.callers import BackEnd, Caller, name_of, vouches_for
from shared.domain.access.rate_limit import PER_BACK_END, PER_PERSON, PER_TARGET, PER_TARGET_GUESSES
from shared.domain.connections import credential_expiry
from shared.domain.connections.connection import CredentialKind, Credentials, Endpoints
from shared.domain.connections.entra import endpoints, login_errors, permissions
from shared.domain.connections.entra.credential_form import CredentialForm, local_checks, swap_suggestions
from shared.domain.connections.entra.token_identity import TokenReport, identity_checks, mixed_up
from shared.domain.connections.live_reads import failed_for_now, nothing_asked
from shared.domain.connections.validation_report import Check, CheckStatus, Consent, Report, Validation
from shared.errors import LoginRefused, NeedsAttention, RateLimited, Rejected, SyncError, Transient
from shared.ports.directory import CertificateReader, DirectoryFactory, EntraSession
from shared.ports.platform import Clock
from shared.telemetry import event
from shared.workflows.connections import live_reads
from shared.workflows.connections.rate_limiter import Limiter

#: Refusals that a mix-up of the ids explains: no such tenant, no such application, no enterprise application.
_PERHAPS_MIXED_UP = frozenset({"AADSTS90002", "AADSTS700016", "AADSTS900023"})
#: What the login service says before it looks at the secret; any other refusal may tell a guesser something about it.
_BEFORE_THE_SECRET = frozenset(
    f"AADSTS{number}"
    for number in ("900023", "90002", "90038", "900382", "900432", "9001023", "50194", "700016", "7000229")
)


def _tells_a_guesser(error: SyncError) -> bool:
    return isinstance(error, NeedsAttention) and error.code not in _BEFORE_THE_SECRET


@dataclass(slots=True)
class _Findings:
    """What has been found so far."""

    checks: list[Check]
    consent: Consent = field(default_factory=Consent)
    ends: datetime | None = None

    @property
    def failed(self) -> bool:
        return any(check.status is CheckStatus.FAIL for check in self.checks)

    def skip_the_rest(self, form: CredentialForm) -> None:
        self.checks += nothing_asked(sso_users=form.sso_users)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validate:
    """Checks a form by shape, at the login service, by the token, and by reading a page of each kind."""

    directories: DirectoryFactory
    certificates: CertificateReader
    limiter: Limiter
    clock: Clock
    default_endpoints: Endpoints
    allowed_endpoints: Sequence[Endpoints]
    operator_tenant: str | None

    async def __call__(
        self, form: CredentialForm, caller: Caller, sso_application: str | None, *, stored: bool = False
    ) -> Validation:
        """Return everything that is wrong with the form. No request is sent while an entry is malformed.

        `sso_application` is the application whose assignments are read with SSO users on; None for the entered one.
        A `stored` form was accepted before, so a federated identity need not be vouched for again.
        Raises: RateLimited when the caller, or anybody for this Azure tenant, has asked too often.
        """
        form = form.cleaned()
        found = _Findings(local_checks(form))
        await self.limiter.take(PER_BACK_END if isinstance(caller, BackEnd) else PER_PERSON, name_of(caller))
        secret = await self._secret(form, found)
        if form.kind is CredentialKind.FEDERATED and not stored:
            self._vouched(form, caller, found)
        pair = self._endpoints(form, found)
        if pair is None or found.failed:
            found.checks += login_errors.sign_in_skipped(form.kind)
            found.skip_the_rest(form)
            return Validation(report=_told(Report.of(found.checks), caller))
        credentials = Credentials(
            azure_tenant_id=form.tenant_id,
            client_id=form.client_id,
            proof=form.kind.proof(secret),
            endpoints=pair,
        )
        await self.limiter.take(PER_TARGET, form.tenant_id)
        await self._ask(credentials, form, found, sso_application or form.client_id)
        report = _told(Report.of(found.checks, found.consent, found.ends), caller)
        return Validation(report=report, credentials=credentials, secret=secret)

    async def _secret(self, form: CredentialForm, found: _Findings) -> str:
        """Return what goes into Key Vault, with every fault of a certificate found."""
        if form.kind is not CredentialKind.CERTIFICATE:
            return form.client_secret
        try:
            certificate = await self.certificates.read(form.client_certificate, form.client_certificate_password)
        except Rejected as error:
            fix = "Export the certificate together with its private key as PEM or PFX, and enter it with its password."
            found.checks.append(Check.failed("certificate", "The certificate cannot be used", str(error), fix))
            return ""
        found.ends = certificate.ends
        if certificate.ends <= self.clock.now():
            detail = f"The certificate expired on {certificate.ends:%Y-%m-%d}."
            fix = "Create a new certificate and upload its public part to the app registration."
            found.checks.append(Check.failed("certificate", "The certificate has expired", detail, fix))
        return certificate.pem

    def _vouched(self, form: CredentialForm, caller: Caller, found: _Findings) -> None:
        if vouches_for(caller, form.tenant_id, self.operator_tenant):
            return
        title = "You cannot connect this directory with a federated identity"
        detail = "Without a secret, only people of that directory or the operator can connect it."
        fix = "Sign in with an account of the directory that you want to connect, or enter a client secret."
        found.checks.append(Check.failed("federation", title, detail, fix))

    def _endpoints(self, form: CredentialForm, found: _Findings) -> Endpoints | None:
        try:
            pair = endpoints.resolve(
                form.cloud,
                form.login_endpoint,
                form.graph_endpoint,
                default=self.default_endpoints,
                allowed=self.allowed_endpoints,
            )
        except Rejected as error:
            title = "The endpoints are not allowed"
            fix = "Choose the directory's cloud and leave both endpoints empty."
            found.checks.append(Check.failed("endpoints", title, str(error), fix))
            return None
        found.checks.append(Check.passed("endpoints", "The endpoints are allowed"))
        return pair

    async def _ask(
        self, credentials: Credentials, form: CredentialForm, found: _Findings, sso_application: str
    ) -> None:
        try:
            async with self.directories.open(credentials) as directory:
                async with self._guess(credentials):
                    token = await directory.token()
                found.checks += login_errors.signed_in(form.kind)
                await self._look(directory, token, credentials, form, found, sso_application)
        except NeedsAttention as error:
            await self._refused(error, credentials, form, found)
        except RateLimited:
            raise
        except Transient as error:
            found.checks.append(failed_for_now("login", "The login service did not respond", error))
            found.checks += login_errors.sign_in_skipped(form.kind)
            found.skip_the_rest(form)

    async def _refused(
        self, error: NeedsAttention, credentials: Credentials, form: CredentialForm, found: _Findings
    ) -> None:
        ids = (error.trace_id, error.correlation_id) if isinstance(error, LoginRefused) else (None, None)
        link = consent_link(credentials)
        refusal = login_errors.refused(error.code, credentials.endpoints.login, *ids, consent_link=link)
        found.checks += login_errors.sign_in_refused(form.kind, refusal)
        if error.code in _PERHAPS_MIXED_UP:
            found.checks += await self._mixed_up(credentials, form)
        found.skip_the_rest(form)

    async def _mixed_up(self, credentials: Credentials, form: CredentialForm) -> list[Check]:
        """Try the ids in every other order with the same credential; what works is offered. Each try is a guess."""
        for order in swap_suggestions(form):
            tried = msgspec.structs.replace(credentials, azure_tenant_id=order["tenantId"], client_id=order["clientId"])
            try:
                async with self._guess(tried), self.directories.open(tried) as directory:
                    token = await directory.token()
            except SyncError:
                continue
            return [mixed_up(form, {**order, "objectId": token.object_id})]
        return []

    def _guess(self, credentials: Credentials) -> AbstractAsyncContextManager[None]:
        """Count a sign-in as a guess at the secret unless it turns out to be none."""
        return self.limiter.reserved(PER_TARGET_GUESSES, credentials.azure_tenant_id, _tells_a_guesser)

    async def _look(
        self,
        directory: EntraSession,
        token: TokenReport,
        credentials: Credentials,
        form: CredentialForm,
        found: _Findings,
        sso_application: str,
    ) -> None:
        """Judge what the token says, and try what it allows."""
        link = consent_link(credentials)
        judged, found.consent = permissions.judge(token.roles, sso_users=form.sso_users, consent_link=link)
        registration = await live_reads.registration(directory, token)
        found.checks += identity_checks(
            form,
            azure_tenant_id=token.azure_tenant_id,
            client_id=token.client_id,
            object_id=token.object_id,
            registration=registration.object_id if registration else None,
        )
        found.checks += judged
        application = sso_application if form.sso_users else None
        found.checks += await live_reads.reads(directory, found.consent, form.groups, application)
        if form.kind is not CredentialKind.FEDERATED:
            if found.ends is None:
                keys = registration.keys if registration else ()
                found.ends = (
                    credential_expiry.end_of(form.client_secret, keys, self.clock.now()) or form.secret_expires_on
                )
            found.checks.append(credential_expiry.expiry_check(found.ends, self.clock.now()))


def _told(report: Report, caller: Caller) -> Report:
    """Return the report, once the log says who was told what."""
    event("validated", caller=name_of(caller), ok=report.ok, failed=[check.id for check in report.failures()])
    return report


def consent_link(credentials: Credentials) -> str:
    """Return the page on which an admin of the tenant consents.

    Source: https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent
    ("Construct the URL for granting tenant-wide admin consent")
    """
    login, tenant, client = credentials.endpoints.login, credentials.azure_tenant_id, credentials.client_id
    return f"{login}/{tenant}/adminconsent?client_id={client}"
