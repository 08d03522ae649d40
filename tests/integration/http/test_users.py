"""Who may sign in, and how users of the product are made of them."""

from typing import Any

import pytest

from shared.domain.directory import Assignment, InactiveReason
from tests.support.builders import person, user
from tests.support.fakes import FakeDirectory
from tests.support.http.calling import Client

#: The sign-in application of the tenant `contoso`.
APPLICATION, TEAM, GONE = person(50), person(100), person(101)


@pytest.fixture
async def assigned(api: Client, connected: None, directory: FakeDirectory) -> None:
    """One directly, a group with another inside, a group that is gone, and people with something against them."""
    del connected
    directory.put(
        user(4, inactive=InactiveReason.DISABLED),
        user(5, mail=None, user_principal_name="x_y#EXT#@contoso.example"),
        user(6, mail="six@elsewhere.example"),
        user(7),
    )
    directory.members[person(102)] = [person(7)]
    directory.members[TEAM] = [person(1), person(2), person(102)]
    directly = (person(1), person(3), person(4), person(5), person(6))
    directory.assigned[APPLICATION] = [
        *(Assignment(principal_id=each, group=False) for each in directly),
        *(Assignment(principal_id=each, group=True) for each in (TEAM, GONE)),
    ]
    filter_ = {"domains": ["EXAMPLE.com"], "addresses": []}
    put = await api("PUT", "tenants/contoso/preferences", {"ssoUsers": True, "ssoFilter": filter_})
    assert put.body["ssoFilter"] == filter_


@pytest.mark.usefixtures("assigned")
async def test_who_may_sign_in_and_why_not(api: Client) -> None:
    """Everybody who is assigned, through what, and what is against them; a group counts by its direct members."""
    users = (await api("GET", "tenants/contoso/sso-users")).body["users"]
    told = {user["objectId"]: (user["via"], user["included"], user["reason"]) for user in users}
    assert told == {
        person(1): ([TEAM, "direct"], True, None),
        person(2): ([TEAM], True, None),
        person(3): (["direct"], True, None),
        person(4): (["direct"], False, "account_disabled"),
        person(5): (["direct"], False, "no_email"),
        person(6): (["direct"], False, "email_filtered"),
    }
    assert users[0].keys() >= {"displayName", "mail", "userPrincipalName"}


@pytest.mark.usefixtures("assigned")
async def test_nobody_is_made_a_user_by_looking(api: Client) -> None:
    """Neither by the view nor by a refused wish."""
    await api("GET", "tenants/contoso/sso-users")
    for number, status, code in ((4, 422, "not_eligible"), (6, 422, "not_eligible"), (7, 404, "not_assigned")):
        refused = await api("POST", "tenants/contoso/users", {"objectId": person(number), "role": "viewer"})
        assert (refused.status, refused.body["code"]) == (status, code)
    assert (await api("GET", "tenants/contoso/users")).body == {"users": []}


@pytest.mark.usefixtures("assigned")
async def test_a_user_is_made_with_a_chosen_role_once(api: Client) -> None:
    """201 and who made it; asked again with another role, they stay as they are."""
    made = await api("POST", "tenants/contoso/users", {"objectId": person(2).upper(), "role": "mailroom"})
    assert made.status == 201
    ours = {key: made.body[key] for key in ("objectId", "mail", "displayName", "role", "createdBy")}
    assert ours == {
        "objectId": person(2),
        "mail": "user2@example.com",
        "displayName": "User 2",
        "role": "mailroom",
        "createdBy": "api",
    }
    again = await api("POST", "tenants/contoso/users", {"objectId": person(2), "role": "administrator"})
    assert again.body == made.body
    assert (await api("GET", "tenants/contoso/users")).body == {"users": [made.body]}


@pytest.mark.parametrize(
    "body", [{"objectId": person(2)}, {"objectId": person(2), "role": "owner"}, {"objectId": "ada", "role": "viewer"}]
)
@pytest.mark.usefixtures("assigned")
async def test_a_role_has_to_be_chosen(api: Client, body: dict[str, Any]) -> None:
    """There is no default, and no other than the three."""
    assert (await api("POST", "tenants/contoso/users", body)).status == 400


@pytest.mark.usefixtures("connected")
async def test_sso_users_are_a_preference(api: Client) -> None:
    """Switched off, nobody is read."""
    off = await api("GET", "tenants/contoso/sso-users")
    assert (off.status, off.body["code"]) == (422, "sso_users_off")


@pytest.mark.usefixtures("connected")
async def test_an_application_that_the_directory_does_not_know(api: Client) -> None:
    """Not an empty list."""
    await api("PUT", "tenants/contoso/preferences", {"ssoUsers": True})
    missing = await api("GET", "tenants/contoso/sso-users")
    assert (missing.status, missing.body["code"]) == (404, "application_not_found")


async def test_a_filter_is_tested_for_a_tenant_that_exists(api: Client) -> None:
    """404 for one that does not, and 400 for what is not an id, as everywhere else."""
    body = {"ssoFilter": {"domains": ["example.com"]}, "address": "a@example.com"}
    missing = await api("POST", "tenants/nothing/email-filter-tests", body)
    assert (missing.status, missing.body["code"]) == (404, "tenant_not_found")
    assert (await api("POST", "tenants/Nothing/email-filter-tests", body)).status == 400
