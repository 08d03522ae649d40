"""Queries about many objects in one request: `checkMemberGroups` and `getByIds`."""

from typing import TypeVar

import msgspec

from infra.local.entra.graph.call import LIST_USERS, READ_GROUPS, Call
from infra.local.entra.graph.object_json import encode_group
from infra.local.entra.graph.visible import group_fields, readable, user_fields
from infra.local.entra.http.answers import Answer, bad_request, collection, json_answer, not_found
from infra.local.entra.odata.entity_types import DIRECTORY_OBJECT
from infra.local.entra.state.users import View, encode_user

GROUPS_A_CHECK = 20
IDS_A_LOOKUP = 1000

Body = TypeVar("Body", bound=msgspec.Struct)


class _Check(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    group_ids: list[str]


class _Lookup(msgspec.Struct, frozen=True, kw_only=True):
    ids: list[str]
    types: list[str] | None = None


def check_member_groups(call: Call) -> Answer:
    """Return which of the given groups contain the user, directly or transitively."""
    asked = _decoded(call, _Check).group_ids
    if len(asked) > GROUPS_A_CHECK:
        raise bad_request(f"The number of values in 'groupIds' exceeds the maximum of {GROUPS_A_CHECK}.")
    user = call.directory.users.find(call.places["user"])
    if user is None:
        raise not_found(call.places["user"])
    groups = call.directory.groups
    containing = [
        key for key in dict.fromkeys(asked) if groups.find(key) and groups.contains(key.lower(), user.id)
    ]  # as in Graph, unknown groups are ignored
    return json_answer({"@odata.context": call.context("Collection(Edm.String)"), "value": containing})


def get_by_ids(call: Call) -> Answer:
    """Return the objects with these ids. Missing objects and objects without permission are left out."""
    asked = _decoded(call, _Lookup)
    if len(asked.ids) > IDS_A_LOOKUP:
        raise bad_request(f"The number of values in 'ids' exceeds the maximum of {IDS_A_LOOKUP}.")
    query = call.query(DIRECTORY_OBJECT)
    types = {"user", "group"} if asked.types is None else {name.rpartition(".")[2].lower() for name in asked.types}
    fragments: list[bytes] = []
    for key in dict.fromkeys(asked.ids):
        user = call.directory.users.find(key) if "user" in types and call.may(LIST_USERS) else None
        group = call.directory.groups.find(key) if "group" in types and call.may(READ_GROUPS) else None
        if user is not None:
            view = View(fields=user_fields(query.select), typed=True, readable=readable(call))
            fragments.append(encode_user(user, view))
        elif group is not None:
            fragments.append(encode_group(group, group_fields(query.select), typed=True))
    return collection(call.context("directoryObjects"), fragments, {})


def _decoded(call: Call, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(call.body, type=kind)
    except msgspec.MsgspecError as error:
        raise bad_request(f"Invalid request body: {error}", "BadRequest") from error
