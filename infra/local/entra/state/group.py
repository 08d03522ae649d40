"""A directory group, and the record of one member."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

HIDDEN_MEMBERSHIP = "HiddenMembership"


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One group; names on the wire are Graph's.

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
    """What a member is."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One object in one group."""

    id: str
    kind: Kind
    position: int  #: of a user in `Users`; 0 for a group
    sequence: int  #: grows with every joining, directory-wide: members are listed in this order

    @property
    def order(self) -> str:
        """Sorts as `sequence` does."""
        return f"{self.sequence:012d}"


def group_value(group: Group, name: str) -> object:
    """The property `name` (Graph's spelling); None for one that groups do not have."""
    attribute = GROUP_FIELDS.get(name)
    return None if attribute is None else getattr(group, attribute)
