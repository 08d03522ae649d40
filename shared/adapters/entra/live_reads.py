"""Live reads of a directory, one page per kind of data, which verify the permissions in a token."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from shared.adapters.entra.sessions import EntraSession
from shared.domain.connections.entra import live_reads, permissions
from shared.domain.connections.entra.credential_expiry import Registration
from shared.domain.connections.entra.token_identity import TokenReport
from shared.domain.connections.validation_report import Check, Consent
from shared.domain.directory import Group, Source
from shared.domain.ids import ObjectId
from shared.domain.retry_policy import LIVE_READ
from shared.errors import NeedsAttention, RequestRefused, SyncError, Transient
from shared.ports.directory import Directory


async def registration(session: EntraSession, token: TokenReport) -> Registration | None:
    """Return the app registration of the token's application; None if it cannot be read."""
    if not token.roles & permissions.APPLICATIONS.satisfied_by:
        return None
    try:
        return await session.registration(token.client_id)
    except (NeedsAttention, Transient):
        return None  # it only adds an expiry date and a more precise sentence; `reads` reports errors that matter


async def reads(
    directory: Directory, granted: Consent, probed: Sequence[str], sso_application: str | None
) -> list[Check]:
    """Return one check per read. Reads that the token does not permit are skipped.

    Members are read from the `probed` groups or, without any, from the first group with visible members.
    """
    checks = live_reads.not_allowed(granted)
    listed: list[Group] = []
    if "read_users" not in checks:
        checks["read_users"] = await _tried("read_users", "Users", partial(directory.users, Source()))
    if "read_groups" not in checks:
        checks["read_groups"] = await _tried("read_groups", "Groups", partial(_list_into, listed, directory))
    done = [checks["read_users"], checks["read_groups"]]
    if "read_members" in checks:
        done.append(checks["read_members"])
    else:
        visible = [group.id for group in listed if not group.hidden_membership]
        groups = [ObjectId(group) for group in probed] or visible[:1]
        for group in groups:
            reading = partial(directory.users, Source(group=group))
            what = f"The members of the group with ID {group}" if probed else "The members of a group"
            done.append(await _tried("read_members", what, reading))
        if not groups:
            done.append(live_reads.NO_GROUP)
    if sso_application is not None:
        if "read_sso" not in checks:
            what = "SSO users"
            checks["read_sso"] = await _tried("read_sso", what, partial(directory.assignments, sso_application))
        done.append(checks["read_sso"])
    return done


async def _list_into(groups: list[Group], directory: Directory) -> None:
    groups += await directory.find_groups("")


async def _tried(id_: str, what: str, read: Callable[[], Awaitable[object]]) -> Check:
    """Return the check of a read. One refusal does not count: some are occasional."""
    try:
        await _twice(read)
    except SyncError as error:
        return live_reads.outcome(id_, what, error)
    return live_reads.outcome(id_, what, None)


async def _twice(read: Callable[[], Awaitable[object]]) -> None:
    try:
        await read()
    except RequestRefused:
        await asyncio.sleep(LIVE_READ.first_wait_s)
        await read()
