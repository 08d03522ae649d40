"""Admin API: users, groups and memberships."""

from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import web

from infra.local.entra.admin.bodies import body_of, directory_of, reply
from infra.local.entra.state.directory import Directory
from infra.local.entra.state.generate import stable_uuid
from infra.local.entra.state.group import Group
from infra.local.entra.state.person import User
from infra.local.entra.state.users import Removal

_LISTED = 1_000

Object = TypeVar("Object", User, Group)


class _NewGroup(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    display_name: str
    id: str = ""
    description: str | None = None
    visibility: str | None = None
    members: list[str] = []


class _Memberships(msgspec.Struct, forbid_unknown_fields=True):
    add: list[str] = []
    remove: list[str] = []


async def list_users(request: web.Request) -> web.Response:
    """Return users by position, `?from=0&count=100`, with every property, without deleted ones."""
    users = directory_of(request).users
    start = int(request.query.get("from", "0"))
    end = min(users.positions, start + min(_LISTED, int(request.query.get("count", "100"))))
    return reply({"users": [user for user in map(users.at, range(start, end)) if user]})


async def add_user(request: web.Request) -> web.Response:
    """Create a user. Omitted properties get generated values."""
    directory = directory_of(request)
    given = await body_of(request, dict[str, object])
    number = directory.users.positions
    address = given.get("userPrincipalName") or f"added{number}@{directory.domain}"
    made_up: dict[str, object] = {
        "id": stable_uuid("added user", directory.seed, str(number)),
        "displayName": f"Added {number}",
        "userPrincipalName": address,
        "mail": address,
    }
    user = msgspec.convert(made_up | given, User)
    if directory.users.position_of(user.id) is not None or directory.users.find(user.user_principal_name):
        raise ValueError("A user with this id or user principal name exists.")
    directory.add_user(user)
    return reply(user, HTTPStatus.CREATED)


async def change_user(request: web.Request) -> web.Response:
    """Change some properties of a user. `{"accountEnabled": false}` disables it."""
    directory = directory_of(request)
    user = _changed(_user(directory, request), await body_of(request, dict[str, object]), User)
    directory.replace_user(user)
    return reply(user)


async def delete_user(request: web.Request) -> web.Response:
    """Delete the user, permanently with `?permanent=true`."""
    directory = directory_of(request)
    user = _user(directory, request)
    directory.delete_user(user.id, _removal(request))
    return reply(user)


async def restore_user(request: web.Request) -> web.Response:
    """Restore a deleted user."""
    directory = directory_of(request)
    directory.restore_user(request.match_info["user"])
    return reply(_user(directory, request))


async def add_group(request: web.Request) -> web.Response:
    """Create a group, with optional `members`."""
    directory = directory_of(request)
    wish = await body_of(request, _NewGroup)
    group = Group(
        id=wish.id or stable_uuid("added group", directory.seed, wish.display_name, str(len(directory.groups))),
        display_name=wish.display_name,
        description=wish.description,
        visibility=wish.visibility,
    )
    directory.put_group(group)
    for object_id in wish.members:
        directory.join(group.id, object_id)
    return reply(group, HTTPStatus.CREATED)


async def change_group(request: web.Request) -> web.Response:
    """Change some properties of a group. `{"displayName": ...}` renames it."""
    directory = directory_of(request)
    group = _changed(_group(directory, request), await body_of(request, dict[str, object]), Group)
    directory.put_group(group)
    return reply(group)


async def delete_group(request: web.Request) -> web.Response:
    """Delete the group, permanently with `?permanent=true`."""
    directory = directory_of(request)
    group = _group(directory, request)
    directory.delete_group(group.id, _removal(request))
    return reply(group)


async def restore_group(request: web.Request) -> web.Response:
    """Restore a deleted group."""
    directory = directory_of(request)
    directory.restore_group(request.match_info["group"])
    return reply(_group(directory, request))


async def list_members(request: web.Request) -> web.Response:
    """Return the ids of the users and groups in a group. With `?transitive=true`, nested members are included."""
    directory = directory_of(request)
    group_id = _group(directory, request).id
    transitive = request.query.get("transitive") == "true"
    members = directory.groups.transitive(group_id) if transitive else directory.groups.direct(group_id)
    ids: dict[str, list[str]] = {"user": [], "group": []}
    for member in members:
        ids[member.kind].append(member.id)
    return reply({"users": ids["user"], "groups": ids["group"]})


async def change_members(request: web.Request) -> web.Response:
    """Add (`add`) or remove (`remove`) users or groups as members."""
    directory = directory_of(request)
    group = _group(directory, request)
    change = await body_of(request, _Memberships)
    for object_id in change.add:
        directory.join(group.id, object_id)
    for object_id in change.remove:
        directory.leave(group.id, object_id)
    return reply({"members": len(directory.groups.direct(group.id))})


def _user(directory: Directory, request: web.Request) -> User:
    user = directory.users.find(request.match_info["user"])
    if user is None:
        raise LookupError(f"User {request.match_info['user']} does not exist.")
    return user


def _group(directory: Directory, request: web.Request) -> Group:
    group = directory.groups.find(request.match_info["group"])
    if group is None:
        raise LookupError(f"Group {request.match_info['group']} does not exist.")
    return group


def _changed(before: Object, changes: dict[str, object], kind: type[Object]) -> Object:
    fields: dict[str, object] = msgspec.to_builtins(before)
    return msgspec.convert({**fields, **changes, "id": before.id}, kind)


def _removal(request: web.Request) -> Removal:
    return Removal.FINAL if request.query.get("permanent") == "true" else Removal.RESTORABLE
