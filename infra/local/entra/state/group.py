"""A directory group, and the record of one member."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

HIDDEN_MEMBERSHIP = "HiddenMembership"


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One group. In JSON, the names are those of Graph.

    Source: https://learn.microsoft.com/graph/api/resources/group
    """

    id: str
    display_name: str
    description: str | None = None
    mail: str | None = None
    mail_enabled: bool = False
    mail_nickname: str | None = None
    security_enabled: bool = True
    group_types: tuple[str, ...] = ()
    visibility: str | None = None
    created_date_time: str = "2024-01-15T08:00:00Z"


#: Graph's name of a property -> its name in `Group`
GROUP_FIELDS = dict(zip(Group.__struct_encode_fields__, Group.__struct_fields__, strict=True))
GROUP_DEFAULT = tuple(GROUP_FIELDS)


class Kind(StrEnum):
    """The kind of a member."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One object in one group."""

    id: str
    kind: Kind
    position: int  #: position of a user in `Users`; 0 for a group
    sequence: int  #: increases with every new membership in the directory; members are listed in this order

    @property
    def order(self) -> str:
        """Return text that sorts as `sequence` does."""
        return f"{self.sequence:012d}"


def group_value(group: Group, name: str) -> object:
    """Return the property `name` (Graph's spelling), or None if groups do not have it."""
    attribute = GROUP_FIELDS.get(name)
    return None if attribute is None else getattr(group, attribute)
