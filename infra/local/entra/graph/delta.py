"""`/users/delta` and `/groups/delta`.

As in Graph, values that were never set are left out. Changes made while a listing is read are repeated in the next
round. A group with many members is split into several items, and joining a group does not change the user.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from infra.local.entra.graph.call import READ_HIDDEN, Call
from infra.local.entra.graph.delta_round import Round, delta_link, next_link, round_of
from infra.local.entra.graph.visible import readable
from infra.local.entra.http.answers import Answer, collection
from infra.local.entra.state.change_log import MEMBERS, Did
from infra.local.entra.state.generate import stable_uuid
from infra.local.entra.state.group import HIDDEN_MEMBERSHIP, Group, Kind, Member, group_value
from infra.local.entra.state.person import MANAGER, user_value
from infra.local.entra.state.users import Removal, View, manager_json

_MINIMAL = "return=minimal"
_ENCODER = msgspec.json.Encoder()


def users_delta(call: Call) -> Answer:
    """Return a page of users, or of the changes to them."""
    return _delta(call, Kind.USER)


def groups_delta(call: Call) -> Answer:
    """Return a page of groups and their members, or of the changes to them."""
    return _delta(call, Kind.GROUP)


def _delta(call: Call, kind: Kind) -> Answer:
    here, only_token = round_of(call, kind)
    context = call.context(f"{kind}s", here.select) + "/$delta" * bool(here.select)
    if only_token:
        return collection(context, [], {"@odata.deltaLink": delta_link(call, here)})
    if here.offset < 0:
        return collection(context, [], {"@odata.nextLink": next_link(call, here, 0)})
    settings = call.state.settings
    size = settings.delta_page_size
    numbered = list(islice(_items(call, here), size + 1))
    items = [item for _, item in numbered[:size]]
    if settings.delta_duplicates:
        items.extend(items[:1])
    if settings.delta_unknown_removals and here.offset == 0:
        items.append(_removed(stable_uuid("never seen", call.directory.seed), Removal.FINAL))
    if len(numbered) > size:
        return collection(context, items, {"@odata.nextLink": next_link(call, here, numbered[size][0])})
    return collection(context, items, {"@odata.deltaLink": delta_link(call, here)})


def _items(call: Call, here: Round) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, item), starting at the round's offset."""
    if here.listing and here.kind is Kind.USER:
        return _listed_users(call, here)
    pieces = _listed_groups(call, here) if here.listing else _changed(call, here)
    return islice(enumerate(pieces), here.offset, None)


def _listed_users(call: Call, here: Round) -> Iterator[tuple[int, bytes]]:
    users = call.directory.users
    shown = users.shown(View(fields=here.fields, sparse=True, readable=readable(call)))
    wanted = {users.position_of(key) for key in here.ids}
    for position in range(here.offset, users.positions):
        if users.is_there(position) and (not here.ids or position in wanted):
            yield position, shown(position)


def _listed_groups(call: Call, here: Round) -> Iterator[bytes]:
    size = call.state.settings.delta_page_size
    for group in call.directory.groups:
        if here.ids and group.id not in here.ids:
            continue
        members = call.directory.groups.direct(group.id) if _shows_members(call, here, group) else []
        for start in range(0, len(members) or 1, size):
            yield _group(call, here, group, members[start : start + size], None)


def _changed(call: Call, here: Round) -> Iterator[bytes]:
    """Yield every changed object once, in its current state; with `delta_histories`, every change of a user."""
    if here.kind is Kind.USER and call.state.settings.delta_histories:
        yield from _history(call, here)
        return
    happened: dict[str, set[str]] = {}
    members: dict[str, dict[str, Member]] = {}
    tracked = {*here.fields, *((MEMBERS,) if here.with_members else ())}
    for change in call.directory.log.between(here.since, here.upto, here.kind):
        if here.ids and change.object_id not in here.ids:
            continue
        if change.did is Did.UPDATED and tracked.isdisjoint(change.fields):
            continue
        happened.setdefault(change.object_id, set()).update(change.fields if change.did is Did.UPDATED else here.fields)
        if change.member is not None and here.with_members:
            members.setdefault(change.object_id, {})[change.member.id] = change.member
    for object_id, fields in happened.items():
        yield _now(call, here, object_id, fields, list(members.get(object_id, {}).values()))


def _history(call: Call, here: Round) -> Iterator[bytes]:
    """Yield an item for every change of a user, in order. A user who appears has few properties, not even a name."""
    for change in call.directory.log.between(here.since, here.upto, here.kind):
        if here.ids and change.object_id not in here.ids:
            continue
        position = call.directory.users.position_of(change.object_id)
        changed = {"id", "displayName"} if change.did is Did.APPEARED else {"id", *change.fields}
        fields = [name for name in here.fields if name in changed and name != MANAGER]
        if change.did is Did.VANISHED or position is None:
            yield _removed(change.object_id, call.directory.users.removal_of(change.object_id) or Removal.RESTORABLE)
        elif len(fields) > 1:
            user = call.directory.users.record(position)
            yield _ENCODER.encode(_named(call, {name: user_value(user, name) for name in fields}))


def _named(call: Call, shown: dict[str, object]) -> dict[str, object]:
    """Return the properties of a changed user, with a null name if the settings say so."""
    return {**shown, "userPrincipalName": None} if call.state.settings.delta_nameless else shown


def _now(call: Call, here: Round, object_id: str, fields: set[str], members: Sequence[Member]) -> bytes:
    if here.kind is Kind.GROUP:
        group = call.directory.groups.find(object_id)
        if group is None:
            return _removed(object_id, call.directory.groups.removal_of(object_id) or Removal.RESTORABLE)
        seen = members if _shows_members(call, here, group) else []
        return _group(call, here, group, seen, fields)
    user = call.directory.users.find(object_id)
    if user is None:
        return _removed(object_id, call.directory.users.removal_of(object_id) or Removal.RESTORABLE)
    shows = readable(call)
    tracked = [name for name in here.fields if shows is None or name in shows]
    values = {name: user_value(user, name) for name in tracked if name != MANAGER}
    shown = _shown(call, values, fields)
    if MANAGER in tracked and (MANAGER in fields or user.manager is not None):
        former = call.directory.users.former_managers.get(user.id)
        gone = [{**manager_json(former), "@removed": {"reason": Removal.FINAL}}] if former and MANAGER in fields else []
        shown[f"{MANAGER}@delta"] = [*gone, *([manager_json(user.manager)] if user.manager is not None else [])]
    return _ENCODER.encode(_named(call, shown))


def _group(call: Call, here: Round, group: Group, members: Sequence[Member], fields: set[str] | None) -> bytes:
    values = {name: group_value(group, name) for name in here.fields}
    shown = _shown(call, values, fields)
    if members:
        shown[f"{MEMBERS}@delta"] = [_member(call, group, member) for member in members]
    return _ENCODER.encode(shown)


def _shown(call: Call, values: dict[str, object], changed: set[str] | None) -> dict[str, object]:
    """Return the set values, and those that have become null. With `Prefer: return=minimal`, only the changed ones."""
    if changed is None:
        return {name: value for name, value in values.items() if value is not None}
    minimal = _MINIMAL in call.headers.get("prefer", "")
    return {
        name: value
        for name, value in values.items()
        if name == "id" or name in changed or (value is not None and not minimal)
    }


def _member(call: Call, group: Group, member: Member) -> dict[str, object]:
    shown: dict[str, object] = {"@odata.type": f"#microsoft.graph.{member.kind}", "id": member.id}
    if not call.directory.groups.has(group.id, member.id):
        shown["@removed"] = {"reason": Removal.FINAL}
    return shown


def _shows_members(call: Call, here: Round, group: Group) -> bool:
    hidden = group.visibility == HIDDEN_MEMBERSHIP and not call.may(READ_HIDDEN)
    return here.with_members and not hidden


def _removed(object_id: str, reason: Removal) -> bytes:
    return _ENCODER.encode({"id": object_id, "@removed": {"reason": reason}})
