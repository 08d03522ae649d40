"""Groups, and members of any kind, as JSON."""

from collections.abc import Sequence

import msgspec

from infra.local.entra.graph.call import Call
from infra.local.entra.state.group import GROUP_DEFAULT, GROUP_FIELDS, Group, Kind, Member, group_value
from infra.local.entra.state.person import USER_DEFAULT, USER_FIELDS, USER_UNSET
from infra.local.entra.state.users import View

_ENCODER = msgspec.json.Encoder()


def encode_group(group: Group, fields: tuple[str, ...], *, typed: bool = False) -> bytes:
    """Return the group as a JSON object."""
    shown: dict[str, object] = {"@odata.type": "#microsoft.graph.group"} if typed else {}
    for name in fields:
        shown[name] = group_value(group, name)
    return _ENCODER.encode(shown)


class MemberJson:
    """Encodes members of groups with the properties of their kind that the caller may read."""

    def __init__(self, call: Call, select: tuple[str, ...] | None, *, typed: bool, may_read_users: bool) -> None:
        self._directory = call.directory
        self._typed = typed
        user_fields = tuple(name for name in select or USER_DEFAULT if name in USER_FIELDS or name in USER_UNSET)
        self._group_fields = tuple(name for name in select or GROUP_DEFAULT if name in GROUP_FIELDS)
        view = View(fields=user_fields, typed=typed or not may_read_users, readable=may_read_users)
        self._user = call.directory.users.shown(view)

    def encode(self, members: Sequence[Member]) -> list[bytes]:
        """Return the members as JSON objects."""
        user, kind = self._user, Kind.USER
        return [user(member.position) if member.kind is kind else self._group(member) for member in members]

    def _group(self, member: Member) -> bytes:
        group = self._directory.groups.find(member.id)
        return b"{}" if group is None else encode_group(group, self._group_fields, typed=self._typed)
