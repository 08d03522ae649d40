"""Rules of the vault: versions, soft delete and limits."""

import re
import time
import uuid
from collections.abc import Callable

import msgspec

from infra.local.key_vault import errors
from infra.local.key_vault.model import Contents, Deleted, NewValue, Properties, Secret, Version

#: Source: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates
NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
MAX_VALUE_BYTES = 25 * 1024
MAX_TAGS = 15
MAX_TAG_CHARACTERS = 256


class Vault:
    """Secrets by name. Every change calls `changed` before the response is sent."""

    def __init__(
        self,
        contents: Contents | None = None,
        *,
        now_s: Callable[[], float] = time.time,
        changed: Callable[[Contents], None] = lambda _: None,
    ) -> None:
        #: Whether deleted secrets are kept until their retention ends.
        self.purge_protection = False
        self._contents = contents or Contents()
        self._now_s = now_s
        self._changed = changed

    def set(self, name: str, body: NewValue) -> tuple[Secret, Version]:
        """Create a new latest version of `name`.

        Raises:
            VaultError: 400 if a limit is exceeded, 409 if a deleted secret has the name.
        """
        _check_limits(name, body)
        if len(body.value.encode()) > MAX_VALUE_BYTES:
            raise errors.bad_parameter("The value of the secret is too long: the limit is 25 KB.")
        if name.lower() in self._contents.deleted:
            raise errors.name_is_deleted(name)
        now = int(self._now_s())
        version = Version(
            id=uuid.uuid4().hex,
            value=body.value,
            content_type=body.content_type,
            tags=body.tags,
            enabled=body.attributes.enabled is not False,
            not_before=body.attributes.nbf,
            expires=body.attributes.exp,
            created=now,
            updated=now,
        )
        secret = self._contents.secrets.setdefault(name.lower(), Secret(name=name, versions=[]))
        secret.versions.append(version)
        self._changed(self._contents)
        return secret, version

    def get(self, name: str, version: str) -> tuple[Secret, Version]:
        """Return one version, or the latest one for an empty `version`. Expired secrets can be read.

        Raises:
            VaultError: 404 if it does not exist, 403 if it is disabled.
        """
        secret, candidate = self._find(name, version)
        if not candidate.enabled:
            raise errors.secret_disabled()
        return secret, candidate

    def update(self, name: str, version: str, body: Properties) -> tuple[Secret, Version]:
        """Change the properties in `body` of one version, or of the latest one for an empty `version`.

        The value stays unchanged.

        Raises:
            VaultError: 400 if a limit is exceeded, 404 if the version does not exist.
        """
        _check_limits(name, body)
        secret, old = self._find(name, version)
        changes = {
            "content_type": body.content_type,
            "tags": body.tags,
            "enabled": body.attributes.enabled,
            "not_before": body.attributes.nbf,
            "expires": body.attributes.exp,
        }
        given = {field: value for field, value in changes.items() if value is not None}
        new = msgspec.structs.replace(old, **given, updated=int(self._now_s()))
        secret.versions[secret.versions.index(old)] = new
        self._changed(self._contents)
        return secret, new

    def versions(self, name: str) -> list[tuple[Secret, Version]]:
        """Return every version of a secret, sorted by id. As in Key Vault, the order is not that of their creation.

        Raises:
            VaultError: 404 if the secret does not exist.
        """
        secret, _ = self._find(name, "")
        return [(secret, version) for version in sorted(secret.versions, key=lambda version: version.id)]

    def secrets(self) -> list[tuple[Secret, Version]]:
        """Return every secret with its latest version, sorted by name. Disabled ones are included."""
        return [(secret, secret.latest) for _, secret in sorted(self._contents.secrets.items())]

    def delete(self, name: str) -> Deleted:
        """Delete the secret. It can be recovered or purged afterwards.

        Raises:
            VaultError: 404 if the secret does not exist.
        """
        secret, _ = self._find(name, "")
        del self._contents.secrets[name.lower()]
        deleted = self._contents.deleted[name.lower()] = Deleted(secret=secret, deleted=int(self._now_s()))
        self._changed(self._contents)
        return deleted

    def deleted(self) -> list[Deleted]:
        """Return every deleted secret, sorted by name."""
        return [deleted for _, deleted in sorted(self._contents.deleted.items())]

    def get_deleted(self, name: str) -> Deleted:
        """Return one deleted secret.

        Raises:
            VaultError: 404 if it does not exist.
        """
        try:
            return self._contents.deleted[name.lower()]
        except KeyError:
            raise errors.deleted_secret_not_found(name) from None

    def recover(self, name: str) -> tuple[Secret, Version]:
        """Recover the deleted secret with all its versions.

        Raises:
            VaultError: 404 if it does not exist.
        """
        secret = self.get_deleted(name).secret
        del self._contents.deleted[name.lower()]
        self._contents.secrets[name.lower()] = secret
        self._changed(self._contents)
        return secret, secret.latest

    def purge(self, name: str) -> None:
        """Purge the deleted secret permanently, which frees its name.

        Raises:
            VaultError: 403 under purge protection, 404 if it does not exist.
        """
        self.get_deleted(name)
        if self.purge_protection:
            raise errors.purge_protected()
        del self._contents.deleted[name.lower()]
        self._changed(self._contents)

    def _find(self, name: str, version: str) -> tuple[Secret, Version]:
        secret = self._contents.secrets.get(name.lower())
        if secret is None:
            raise errors.secret_not_found(f"{name}/{version}" if version else name)
        if not version:
            return secret, secret.latest
        for candidate in secret.versions:
            if candidate.id == version:
                return secret, candidate
        raise errors.secret_not_found(f"{name}/{version}")


def _check_limits(name: str, body: Properties) -> None:
    if not NAME.fullmatch(name):
        raise errors.bad_parameter(f"The request URI contains an invalid name: {name}")
    tags = body.tags or {}
    if len(tags) > MAX_TAGS or any(len(text) > MAX_TAG_CHARACTERS for pair in tags.items() for text in pair):
        raise errors.bad_parameter(f"At most {MAX_TAGS} tags of {MAX_TAG_CHARACTERS} characters are allowed.")
