"""Named keys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self

from shared.domain.access.callers import KeyScope
from shared.domain.access.named_keys import NamedKey
from shared.domain.ids import KeyName, TenantId
from shared.triggers.http.schemas.base import Page, View
from shared.workflows.tenants.named_keys import NewKey

State = Literal["active", "expired", "revoked"]


class KeyView(View, frozen=True, kw_only=True):
    """A named key, without its value."""

    name: KeyName
    scopes: tuple[KeyScope, ...]
    #: Null for all tenants.
    tenants: tuple[TenantId, ...] | None
    state: State
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None

    @classmethod
    def of(cls, key: NamedKey, now: datetime) -> Self:
        """Create the view of a key."""
        return cls(**_fields(key, now))


class NewKeyView(KeyView, frozen=True, kw_only=True):
    """A new key with its value, which is not shown again."""

    value: str

    @classmethod
    def of_new(cls, new: NewKey, now: datetime) -> Self:
        """Create the view of a new key."""
        return cls(**_fields(new.key, now), value=new.value)


class KeysView(Page, frozen=True, kw_only=True):
    """Named keys, sorted by name."""

    keys: Sequence[KeyView]


def _fields(key: NamedKey, now: datetime) -> dict[str, Any]:
    state: State = "revoked" if key.revoked_at else "expired" if now >= key.expires_at else "active"
    return {name: getattr(key, name) for name in KeyView.__struct_fields__ if name != "state"} | {"state": state}
