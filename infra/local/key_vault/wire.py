"""JSON responses of the vault."""

import base64
import binascii
from collections.abc import Sequence
from datetime import timedelta

from infra.local.key_vault import errors
from infra.local.key_vault.model import Deleted, Secret, Version

RETENTION = timedelta(days=90)
PAGE_SECRETS = 25  #: default and maximum number of secrets per page


def bundle(base_url: str, secret: Secret, version: Version, *, with_value: bool) -> dict[str, object]:
    """Return one version. Only set and get requests return its value."""
    value = {"value": version.value} if with_value else {}
    return {**value, "id": f"{base_url}/secrets/{secret.name}/{version.id}", **_properties(version)}


def item(base_url: str, secret: Secret, version: Version, *, with_version: bool) -> dict[str, object]:
    """Return one entry of a list, without its value."""
    suffix = f"/{version.id}" if with_version else ""
    return {"id": f"{base_url}/secrets/{secret.name}{suffix}", **_properties(version)}


def deleted_bundle(base_url: str, deleted: Deleted, *, with_version: bool) -> dict[str, object]:
    """Return a deleted secret. A single response contains the id of its version, a list entry does not."""
    secret = deleted.secret
    return {
        "recoveryId": f"{base_url}/deletedsecrets/{secret.name}",
        "deletedDate": deleted.deleted,
        "scheduledPurgeDate": deleted.deleted + int(RETENTION.total_seconds()),
        **item(base_url, secret, secret.latest, with_version=with_version),
    }


def page(items: Sequence[dict[str, object]], *, url: str, api_version: str, size: str, token: str) -> dict[str, object]:
    """Return the part of a list that `token` points at, `size` long, with a link to the next part.

    Raises:
        VaultError: 400 for a size outside 1..25 or a token that this vault has not issued.
    """
    if not size.isdecimal() or not 1 <= int(size) <= PAGE_SECRETS:
        raise errors.bad_parameter(f"Invalid maxresults: {size}. It must be between 1 and {PAGE_SECRETS}.")
    try:
        start = int(base64.urlsafe_b64decode(token)) if token else 0
    except (ValueError, binascii.Error):
        raise errors.bad_parameter("The $skiptoken is invalid.") from None
    end = start + int(size)
    following = base64.urlsafe_b64encode(str(end).encode()).decode()
    link = f"{url}?api-version={api_version}&$skiptoken={following}&maxresults={size}" if end < len(items) else None
    return {"value": list(items[start:end]), "nextLink": link}


def _properties(version: Version) -> dict[str, object]:
    attributes = {
        "enabled": version.enabled,
        "nbf": version.not_before,
        "exp": version.expires,
        "created": version.created,
        "updated": version.updated,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": RETENTION.days,
    }
    properties = {"contentType": version.content_type, "tags": version.tags}
    return {
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        **{name: value for name, value in properties.items() if value is not None},
    }
