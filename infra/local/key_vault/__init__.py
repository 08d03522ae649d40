"""A stand-in for the secrets of Azure Key Vault, over TLS, for the real azure-keyvault-secrets client.

Imitated: setting, reading and updating versions, lists in pages, soft delete, recovery and purge, the challenge that
tells a client which token to send, names that ignore case, the limits of names, values and tags, and the wording and
codes of errors.

Not imitated: keys and certificates, backup and restore, role assignments and firewalls (a token for this vault may do
everything), throttling, the seconds until a deletion or recovery becomes visible, rotation and automatic purging. The
audience and expiry of a token are verified, its signature is not: the vault stores local test secrets only.

Source: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
"""

from infra.local.key_vault.server import KeyVault

__all__ = ["KeyVault"]
