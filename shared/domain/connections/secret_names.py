"""What secrets are called in Key Vault."""

from shared.domain.ids import TenantId


def secret_name(tenant: TenantId) -> str:
    """Return the name of a tenant's secret in Key Vault, which allows letters, digits and `-`."""
    return f"tenant-{tenant}"
