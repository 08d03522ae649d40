"""Validation of a credential form: format, sign-in, token, and one page per kind of data.

Nothing is stored. No request is sent while an entry is malformed.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from shared.adapters.entra import live_reads
from shared.adapters.entra.sessions import CertificateReader, EntraSession, EntraSessions
from shared.domain.connections.entra import credential_expiry, endpoints, login_errors, permissions
from shared.domain.connections.entra.connection_settings import SECRET, EntraSettings
from shared.domain.connections.entra.credential_form import CredentialForm, local_checks, swap_suggestions
from shared.domain.connections.entra.credentials import CredentialKind, Credentials, Endpoints
from shared.domain.connections.entra.guid import guid
from shared.domain.connections.entra.live_reads import failed_for_now, nothing_asked
from shared.domain.connections.entra.token_identity import TokenReport, identity_checks, mixed_up
from shared.domain.connections.validation_report import Check, CheckStatus, Consent, Report, Validation
from shared.domain.retry_policy import NEW_CREDENTIAL
from shared.errors import LoginRefused, NeedsAttention, RateLimited, Rejected, SyncError, Transient
from shared.ports.directory import ValidationScope
from shared.ports.platform import Clock

#: Refusals that swapped ids explain: unknown tenant, unknown application, malformed tenant id.
_PERHAPS_MIXED_UP: Final = frozenset({"AADSTS90002", "AADSTS700016", "AADSTS900023"})
#: Refusals that precede the check of the secret. Any other refusal may give information to an attacker who guesses.
_BEFORE_THE_SECRET: Final = frozenset(
    f"AADSTS{number}"
    for number in ("900023", "90002", "90038", "900382", "900432", "9001023", "50194", "700016", "7000229")
)


class EntraContext(msgspec.Struct, frozen=True, kw_only=True):
    """The dependencies that all validations of one deployment share."""

    sessions: EntraSessions
    certificates: CertificateReader
    clock: Clock
    default_endpoints: Endpoints
    allowed_endpoints: Sequence[Endpoints]


@dataclass(slots=True)
class EntraValidation:
    """One validation, and its checks so far."""

    context: EntraContext
    form: CredentialForm
    scope: ValidationScope
    checks: list[Check] = field(default_factory=list)
    consent: Consent = field(default_factory=Consent)
    ends: datetime | None = None

    async def run(self) -> Validation:
        """Validate the form. Return the report and, if they were tried, the settings and the secret.

        Raises RateLimited above the limits of the scope.
        """
        form = self.form
        self.checks += local_checks(form)
        secret = await self._secret()
        if form.kind is CredentialKind.FEDERATED and not self.scope.is_stored:
            self._require_vouching()
        pair = self._endpoints()
        if pair is None or any(check.status is CheckStatus.FAIL for check in self.checks):
            self.checks += login_errors.sign_in_skipped(form.kind)
            self._skip_the_rest()
            return Validation(report=Report.of(self.checks))
        settings = EntraSettings(
            azure_tenant_id=guid(form.tenant_id),
            client_id=guid(form.client_id),
            object_id=guid(form.object_id),
            cloud=form.cloud,
            endpoints=pair,
            kind=form.kind,
        )
        await self.scope.count_check(form.tenant_id)
        await self._sign_in(settings.credentials(secret))
        return Validation(
            report=Report.of(self.checks, self.consent, self.ends),
            settings=settings.encoded(),
            secrets={} if form.kind is CredentialKind.FEDERATED else {SECRET: secret},
        )

    def _skip_the_rest(self) -> None:
        self.checks += nothing_asked(sso_users=self.form.sso_users)

    async def _secret(self) -> str:
        """Return the secret of the credential. A certificate is decrypted and checked."""
        form = self.form
        if form.kind is not CredentialKind.CERTIFICATE:
            return form.client_secret
        try:
            certificate = await self.context.certificates.read(
                form.client_certificate, form.client_certificate_password
            )
        except Rejected as error:
            fix = "Export the certificate together with its private key as PEM or PFX, and enter it with its password."
            self.checks.append(Check.failed("certificate", "The certificate cannot be used", str(error), fix))
            return ""
        self.ends = certificate.ends
        if certificate.ends <= self.context.clock.now():
            detail = f"The certificate expired on {certificate.ends:%Y-%m-%d}."
            fix = "Create a new certificate and upload its public part to the app registration."
            self.checks.append(Check.failed("certificate", "The certificate has expired", detail, fix))
        return certificate.pem

    def _require_vouching(self) -> None:
        """Fail unless the caller belongs to the directory: a federated identity proves nothing about the caller."""
        if self.scope.vouches_for(self.form.tenant_id):
            return
        title = "You cannot connect this directory with a federated identity"
        detail = "Without a secret, only people of that directory or the operator can connect it."
        fix = "Sign in with an account of the directory that you want to connect, or enter a client secret."
        self.checks.append(Check.failed("federation", title, detail, fix))

    def _endpoints(self) -> Endpoints | None:
        form = self.form
        try:
            pair = endpoints.resolve(
                form.cloud,
                form.login_endpoint,
                form.graph_endpoint,
                default=self.context.default_endpoints,
                allowed=self.context.allowed_endpoints,
            )
        except Rejected as error:
            title = "The endpoints are not allowed"
            fix = "Choose the directory's cloud and leave both endpoints empty."
            self.checks.append(Check.failed("endpoints", title, str(error), fix))
            return None
        self.checks.append(Check.passed("endpoints", "The endpoints are allowed"))
        return pair

    async def _sign_in(self, credentials: Credentials) -> None:
        """Run all checks that need a token."""
        try:
            async with self.context.sessions.open(credentials) as session:
                async with self._guess(credentials):
                    token = await self._token(session)
                self.checks += login_errors.signed_in(self.form.kind)
                await self._look(session, token, credentials)
        except NeedsAttention as error:
            await self._refused(error, credentials)
        except RateLimited:
            raise
        except Transient as error:
            self.checks.append(failed_for_now("login", "The login service did not respond", error))
            self.checks += login_errors.sign_in_skipped(self.form.kind)
            self._skip_the_rest()

    async def _token(self, session: EntraSession) -> TokenReport:
        """Return a new token. A refused credential is tried again: not every server knows a new one immediately."""
        for attempt in range(NEW_CREDENTIAL.retries):
            try:
                return await session.token()
            except LoginRefused as error:
                if not error.blames_credentials:
                    raise
            await asyncio.sleep(NEW_CREDENTIAL.wait_s(attempt))
        return await session.token()

    async def _refused(self, error: NeedsAttention, credentials: Credentials) -> None:
        ids = error.support_ids if isinstance(error, LoginRefused) else ""
        refusal = login_errors.refused(error.code, credentials.endpoints.login, ids, consent_link(credentials))
        self.checks += login_errors.sign_in_refused(self.form.kind, refusal)
        if error.code in _PERHAPS_MIXED_UP:
            self.checks += await self._mixed_up(credentials)
        self._skip_the_rest()

    async def _mixed_up(self, credentials: Credentials) -> list[Check]:
        """Try the ids in every other order with the same credential, and suggest the one that works."""
        for order in swap_suggestions(self.form):
            tried = msgspec.structs.replace(credentials, azure_tenant_id=order["tenantId"], client_id=order["clientId"])
            try:
                async with self._guess(tried), self.context.sessions.open(tried) as session:
                    token = await session.token()
            except SyncError:
                continue
            return [mixed_up(self.form, {**order, "objectId": token.object_id or order["objectId"]})]
        return []

    def _guess(self, credentials: Credentials) -> AbstractAsyncContextManager[None]:
        """Count a sign-in as a guess at the secret, unless its outcome shows otherwise."""
        return self.scope.count_guess(credentials.azure_tenant_id, _tells_a_guesser)

    async def _look(self, session: EntraSession, token: TokenReport, credentials: Credentials) -> None:
        """Check the claims of the token, and read what it permits."""
        form, now = self.form, self.context.clock.now()
        judged, self.consent = permissions.judge(
            token.roles, sso_users=form.sso_users, consent_link=consent_link(credentials)
        )
        registration = await live_reads.registration(session, token)
        self.checks += identity_checks(
            form,
            azure_tenant_id=token.azure_tenant_id,
            client_id=token.client_id,
            object_id=token.object_id,
            registration=registration.object_id if registration else None,
        )
        self.checks += judged
        application = (self.scope.sign_in_application or form.client_id) if form.sso_users else None
        self.checks += await live_reads.reads(session, self.consent, form.groups, application)
        if form.kind is not CredentialKind.FEDERATED:
            if self.ends is None:
                keys = registration.keys if registration else ()
                self.ends = credential_expiry.end_of(form.client_secret, keys, now) or form.secret_expires_on
            self.checks.append(credential_expiry.expiry_check(self.ends, now))


def _tells_a_guesser(error: SyncError) -> bool:
    return isinstance(error, NeedsAttention) and error.code not in _BEFORE_THE_SECRET


def consent_link(credentials: Credentials) -> str:
    """Return the page on which an admin of the tenant consents.

    Source: https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent
    ("Construct the URL for granting tenant-wide admin consent")
    """
    login, tenant, client = credentials.endpoints.login, credentials.azure_tenant_id, credentials.client_id
    return f"{login}/{tenant}/adminconsent?client_id={client}"
