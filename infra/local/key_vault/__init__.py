"""A stand-in for Azure Key Vault's secrets, over TLS, for the real azure-keyvault-secrets client.

Imitated: setting, reading and updating versions, lists in pages, soft delete, recovery and purge, the challenge that
tells a client which token to bring, names without regard to case, the limits of names, values and tags, and the wording
and codes of errors.

Not imitated: keys and certificates, backup and restore, role assignments and firewalls (a token for this vault may do
everything), throttling, the seconds that a deletion or recovery takes to show, rotation and automatic purging. A
token's audience and expiry are checked, its signature is not: a laptop's vault keeps a laptop's secrets.
Source: https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups
"""

from infra.local.key_vault.server import KeyVault

__all__ = ["KeyVault"]
