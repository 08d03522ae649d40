"""Validate: has the provider check a connection form, within rate limits against guessing credentials."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from shared.domain.access.callers import Caller, Person, name_of, vouches_for
from shared.domain.access.rate_limit import PER_PERSON_ELSEWHERE, PER_TARGET, PER_TARGET_GUESSES, allowance_of
from shared.domain.connections.connection import ConnectionForm
from shared.domain.connections.validation_report import Validation
from shared.domain.ids import TenantId
from shared.errors import SyncError
from shared.telemetry import event
from shared.workflows.connections.providers import Providers
from shared.workflows.rate_limiter import RateLimiter


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """`ValidationScope` of one validation: its caller, and the limits that apply.

    Every limit counts for the caller alone, so the failures of one caller never use up the allowance of another.
    """

    caller: Caller
    tenant: TenantId | None
    sign_in_application: str | None
    is_stored: bool
    limiter: RateLimiter
    operator_tenant: str | None
    #: The directory other than the person's own for which this validation is counted.
    elsewhere: set[str] = msgspec.field(default_factory=set)

    def vouches_for(self, directory: str) -> bool:
        """Return whether the caller belongs to the directory, or may connect every directory."""
        return vouches_for(self.caller, directory, self.operator_tenant)

    async def count_check(self, directory: str) -> None:
        """Count a validation of the directory. Raises RateLimited."""
        await self._count_elsewhere(directory)
        await self.limiter.take(PER_TARGET, self._at(directory))

    @asynccontextmanager
    async def count_guess(self, directory: str, is_guess: Callable[[SyncError], bool]) -> AsyncIterator[None]:
        """Count a sign-in as a guess unless it succeeds or fails with an error that is not one. Raises RateLimited.

        Nothing is guessed with a stored form, which the caller has not entered.
        """
        if self.is_stored:
            yield
            return
        await self._count_elsewhere(directory)
        async with self.limiter.reserved(PER_TARGET_GUESSES, self._at(directory), is_guess):
            yield

    async def _count_elsewhere(self, directory: str) -> None:
        """Count a validation that asks a directory other than the person's own, once. Raises RateLimited."""
        if self.is_stored or not isinstance(self.caller, Person) or self.elsewhere:
            return
        if directory != self.caller.azure_tenant_id:
            await self.limiter.take(PER_PERSON_ELSEWHERE, name_of(self.caller))
            self.elsewhere.add(directory)

    def _at(self, directory: str) -> str:
        return f"{allowance_of(self.caller, self.tenant)}>{directory}"


class Validate(msgspec.Struct, frozen=True, kw_only=True):
    """Validates connection forms without storing them."""

    providers: Providers
    limiter: RateLimiter
    operator_tenant: str | None

    async def __call__(
        self,
        form: ConnectionForm,
        caller: Caller,
        sso_application: str | None,
        *,
        tenant: TenantId | None,
        stored: bool = False,
    ) -> Validation:
        """Return the validation of a form, with every problem that can be detected.

        `sso_application` is the application whose assignments are read with SSO users on; None for the form's own.
        `tenant` is the tenant that the directory is for, None if it is for none yet. A `stored` form was accepted
        before. Raises RateLimited if the caller has validated this directory too often.
        """
        scope = Scope(
            caller=caller,
            tenant=tenant,
            sign_in_application=sso_application,
            is_stored=stored,
            limiter=self.limiter,
            operator_tenant=self.operator_tenant,
        )
        validation = await self.providers.get(form.provider).validate(form, scope)
        report = validation.report
        event("validated", ok=report.ok, failed=[check.id for check in report.failures()])
        return validation
