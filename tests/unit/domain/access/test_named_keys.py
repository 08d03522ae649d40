"""What a named key is."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.access.callers import Access, KeyScope
from shared.domain.access.named_keys import NamedKey, name_in, value_of
from shared.domain.ids import KeyName, TenantId
from shared.errors import Rejected

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
VALUE = value_of(KeyName("nightly-sync"), "a-_Z" + "0" * 39)
KEY = NamedKey.new(
    VALUE,
    (KeyScope.SYNC, KeyScope.READ, KeyScope.SYNC),
    (TenantId("fabrikam"), TenantId("contoso")),
    now=NOW,
    days=2,
    by="api",
)


def test_a_key_opens_with_its_value_until_it_ends() -> None:
    """Expiry and revocation end it; a similar value never opened it."""
    last = NOW + timedelta(days=2) - timedelta(microseconds=1)
    assert KEY.opens(VALUE, NOW)
    assert KEY.opens(VALUE, last)
    assert not KEY.opens(VALUE, NOW + timedelta(days=2))
    assert not KEY.opens(VALUE[:-1] + "1", NOW)
    assert not msgspec.structs.replace(KEY, revoked_at=NOW).opens(VALUE, NOW)


def test_scopes_and_tenants_are_sorted_and_named_once() -> None:
    """The row does not depend on the order in which they were entered."""
    assert (KEY.name, KEY.scopes, KEY.tenants) == ("nightly-sync", ("read", "sync"), ("contoso", "fabrikam"))


@given(st.text())
def test_other_text_is_not_a_key(text: str) -> None:
    """Only `rsk_`, a name, `_` and 43 characters of base64."""
    with pytest.raises(Rejected):
        name_in(text)
    with pytest.raises(Rejected):
        name_in(VALUE + text[:1] + "\n")


@pytest.mark.parametrize("access", Access)
def test_a_key_without_a_needed_scope_opens_public_routes_only(access: Access) -> None:
    """Its tenants do not matter."""
    for tenants in (KEY.tenants, None):
        holder = msgspec.structs.replace(KEY, tenants=tenants).holder
        opened = holder.may(access, TenantId("contoso"), frozenset({KeyScope.ALL, KeyScope.IMPORT}))
        assert opened == (access is Access.PUBLIC)
