"""Validate: has the provider check a connection form, within rate limits against guessing credentials."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from shared.domain.access.callers import BackEnd, Caller, name_of, vouches_for
from shared.domain.access.rate_limit import PER_BACK_END, PER_PERSON, PER_TARGET, PER_TARGET_GUESSES
from shared.domain.connections.connection import ConnectionForm
from shared.domain.connections.validation_report import Validation
from shared.errors import SyncError
from shared.telemetry import event
from shared.workflows.connections.providers import Providers
from shared.workflows.connections.rate_limiter import RateLimiter


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """`ValidationScope` of one validation: its caller, and the limits that apply."""

    caller: Caller
    sign_in_application: str | None
    is_stored: bool
    limiter: RateLimiter
    operator_tenant: str | None

    def vouches_for(self, directory: str) -> bool:
        """Return whether the caller belongs to the directory, or may connect every directory."""
        return vouches_for(self.caller, directory, self.operator_tenant)

    async def count_check(self, directory: str) -> None:
        """Count a validation against the directory's limit. Raises RateLimited."""
        await self.limiter.take(PER_TARGET, directory)

    def count_guess(self, directory: str, is_guess: Callable[[SyncError], bool]) -> AbstractAsyncContextManager[None]:
        """Count a sign-in as a guess unless it succeeds or fails with an error that is not one. Raises RateLimited."""
        return self.limiter.reserved(PER_TARGET_GUESSES, directory, is_guess)


class Validate(msgspec.Struct, frozen=True, kw_only=True):
    """Validates connection forms without storing them."""

    providers: Providers
    limiter: RateLimiter
    operator_tenant: str | None

    async def __call__(
        self, form: ConnectionForm, caller: Caller, sso_application: str | None, *, stored: bool = False
    ) -> Validation:
        """Return the validation of a form, with every problem that can be detected.

        `sso_application` is the application whose assignments are read with SSO users on; None for the form's own. A
        `stored` form was accepted before. Raises RateLimited if the caller, or all callers together for one
        directory, have validated too often.
        """
        await self.limiter.take(PER_BACK_END if isinstance(caller, BackEnd) else PER_PERSON, name_of(caller))
        scope = Scope(
            caller=caller,
            sign_in_application=sso_application,
            is_stored=stored,
            limiter=self.limiter,
            operator_tenant=self.operator_tenant,
        )
        validation = await self.providers.get(form.provider).validate(form, scope)
        report = validation.report
        event("validated", ok=report.ok, failed=[check.id for check in report.failures()])
        return validation
