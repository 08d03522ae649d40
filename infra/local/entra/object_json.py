"""Groups, and members of any kind, as JSON."""

import msgspec

from infra.local.entra.call import Call
from infra.local.entra.group import GROUP_DEFAULT, GROUP_FIELDS, Group, Kind, Member, group_value
from infra.local.entra.person import USER_DEFAULT, USER_FIELDS, USER_UNSET
from infra.local.entra.users import View

_ENCODER = msgspec.json.Encoder()


def encode_group(group: Group, fields: tuple[str, ...], *, typed: bool = False) -> bytes:
    """The group as a JSON object."""
    shown: dict[str, object] = {"@odata.type": "#microsoft.graph.group"} if typed else {}
    for name in fields:
        shown[name] = group_value(group, name)
    return _ENCODER.encode(shown)


class MemberJson:
    """Encodes members of groups with the properties that their kind has and that the caller may see."""

    def __init__(self, call: Call, select: tuple[str, ...] | None, *, typed: bool, may_read_users: bool) -> None:
        self._directory = call.directory
        self._typed = typed
        user_fields = tuple(name for name in select or USER_DEFAULT if name in USER_FIELDS or name in USER_UNSET)
        self._group_fields = tuple(name for name in select or GROUP_DEFAULT if name in GROUP_FIELDS)
        self._user_view = View(fields=user_fields, typed=typed or not may_read_users, readable=may_read_users)

    def encode(self, member: Member) -> bytes:
        """The member as a JSON object."""
        if member.kind is Kind.USER:
            return self._directory.users.fragment(member.position, self._user_view)
        group = self._directory.groups.find(member.id)
        return b"{}" if group is None else encode_group(group, self._group_fields, typed=self._typed)
