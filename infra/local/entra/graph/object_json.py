"""Groups, and members of any kind, as JSON."""

from collections.abc import Sequence

import msgspec

from infra.local.entra.graph.call import Call
from infra.local.entra.graph.visible import group_fields, readable, user_fields
from infra.local.entra.odata.entity_types import USER
from infra.local.entra.state.group import GROUP_FIELDS, Group, Kind, Member, group_value
from infra.local.entra.state.users import ONLY_ID, View

_ENCODER = msgspec.json.Encoder()


def encode_group(group: Group, fields: tuple[str, ...], *, typed: bool = False) -> bytes:
    """Return the group as a JSON object."""
    shown: dict[str, object] = {"@odata.type": "#microsoft.graph.group"} if typed else {}
    for name in fields:
        shown[name] = group_value(group, name)
    return _ENCODER.encode(shown)


class MemberJson:
    """Encodes members of groups with the properties of their kind that the caller may read."""

    def __init__(self, call: Call, select: tuple[str, ...] | None, *, typed: bool) -> None:
        self._directory = call.directory
        self._typed = typed
        fields = tuple(name for name in user_fields(select) if name in USER.properties)
        self._group_fields = tuple(name for name in group_fields(select) if name in GROUP_FIELDS)
        seen = readable(call)
        view = View(fields=fields, typed=typed or seen == ONLY_ID, readable=seen)
        self._user = call.directory.users.shown(view)

    def encode(self, members: Sequence[Member]) -> list[bytes]:
        """Return the members as JSON objects."""
        user, kind = self._user, Kind.USER
        return [user(member.position) if member.kind is kind else self._group(member) for member in members]

    def _group(self, member: Member) -> bytes:
        group = self._directory.groups.find(member.id)
        return b"{}" if group is None else encode_group(group, self._group_fields, typed=self._typed)
