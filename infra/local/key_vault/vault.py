"""The vault's rules: versions, soft delete and limits."""

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
    """Secrets by name; every change calls `changed` before it is answered."""

    def __init__(
        self,
        contents: Contents | None = None,
        *,
        now_s: Callable[[], float] = time.time,
        changed: Callable[[Contents], None] = lambda _: None,
    ) -> None:
        self._contents = contents or Contents()
        self._now_s = now_s
        self._changed = changed

    def set(self, name: str, body: NewValue) -> tuple[Secret, Version]:
        """`name` has a new latest version.

        Raises:
            VaultError: 400 for a limit, 409 while a deleted secret holds the name.
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
        """One version; the latest for an empty `version`. Its dates do not matter: expired secrets can be read.

        Raises:
            VaultError: 404 if there is none, 403 if it is disabled.
        """
        secret, found = self._find(name, version)
        if not found.enabled:
            raise errors.secret_disabled()
        return secret, found

    def update(self, name: str, version: str, body: Properties) -> tuple[Secret, Version]:
        """What `body` names has changed in that version, the latest for an empty `version`; the value stays.

        Raises:
            VaultError: 400 for a limit, 404 if there is none.
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
        """Every version of a secret, in no meaningful order (by id, so that nobody comes to rely on one).

        Raises:
            VaultError: 404 if there is no such secret.
        """
        secret, _ = self._find(name, "")
        return [(secret, version) for version in sorted(secret.versions, key=lambda each: each.id)]

    def secrets(self) -> list[tuple[Secret, Version]]:
        """Every secret with its latest version, disabled ones too, by name."""
        return [(secret, secret.latest) for _, secret in sorted(self._contents.secrets.items())]

    def delete(self, name: str) -> Deleted:
        """The secret is gone from the secrets, and can be recovered or purged.

        Raises:
            VaultError: 404 if there is no such secret.
        """
        secret, _ = self._find(name, "")
        del self._contents.secrets[name.lower()]
        deleted = self._contents.deleted[name.lower()] = Deleted(secret=secret, deleted=int(self._now_s()))
        self._changed(self._contents)
        return deleted

    def deleted(self) -> list[Deleted]:
        """Every deleted secret, by name."""
        return [deleted for _, deleted in sorted(self._contents.deleted.items())]

    def get_deleted(self, name: str) -> Deleted:
        """One deleted secret.

        Raises:
            VaultError: 404 if none has that name.
        """
        try:
            return self._contents.deleted[name.lower()]
        except KeyError:
            raise errors.deleted_secret_not_found(name) from None

    def recover(self, name: str) -> tuple[Secret, Version]:
        """The deleted secret is back, with all its versions.

        Raises:
            VaultError: 404 if no deleted secret has that name.
        """
        secret = self.get_deleted(name).secret
        del self._contents.deleted[name.lower()]
        self._contents.secrets[name.lower()] = secret
        self._changed(self._contents)
        return secret, secret.latest

    def purge(self, name: str) -> None:
        """The deleted secret is gone for good, and its name free.

        Raises:
            VaultError: 404 if no deleted secret has that name.
        """
        self.get_deleted(name)
        del self._contents.deleted[name.lower()]
        self._changed(self._contents)

    def _find(self, name: str, version: str) -> tuple[Secret, Version]:
        secret = self._contents.secrets.get(name.lower())
        if secret is None:
            raise errors.secret_not_found(f"{name}/{version}" if version else name)
        if not version:
            return secret, secret.latest
        for each in secret.versions:
            if each.id == version:
                return secret, each
        raise errors.secret_not_found(f"{name}/{version}")


def _check_limits(name: str, body: Properties) -> None:
    if not NAME.fullmatch(name):
        raise errors.bad_parameter(f"The request URI contains an invalid name: {name}")
    tags = body.tags or {}
    if len(tags) > MAX_TAGS or any(len(each) > MAX_TAG_CHARACTERS for pair in tags.items() for each in pair):
        raise errors.bad_parameter(f"At most {MAX_TAGS} tags of {MAX_TAG_CHARACTERS} characters are allowed.")
