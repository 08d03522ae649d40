"""Error responses of the vault, with the codes and messages of Key Vault."""


class VaultError(Exception):
    """An error response."""

    def __init__(self, status: int, code: str, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.reason = reason  #: code of the inner error

    def body(self) -> dict[str, object]:
        """Return the JSON of the response."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.reason is not None:
            error["innererror"] = {"code": self.reason}
        return {"error": error}


def secret_not_found(name: str) -> VaultError:
    """Return the error for a missing secret or version."""
    return VaultError(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182",
    )


def deleted_secret_not_found(name: str) -> VaultError:
    """Return the error for a missing deleted secret."""
    return VaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")


def name_is_deleted(name: str) -> VaultError:
    """Return the error for a name that belongs to a deleted secret."""
    return VaultError(
        409,
        "Conflict",
        f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
        "the secret can only be recovered or purged.",
        reason="ObjectIsDeletedButRecoverable",
    )


def secret_disabled() -> VaultError:
    """Return the error for reading a disabled version."""
    message = "Operation get is not allowed on a disabled secret."
    return VaultError(403, "Forbidden", message, reason="SecretDisabled")


def purge_protected() -> VaultError:
    """Return the error for a purge under purge protection."""
    message = 'Operation "purge" is not allowed because purge protection is enabled for this vault.'
    return VaultError(403, "Forbidden", message)


def bad_parameter(message: str) -> VaultError:
    """Return the error for an invalid request."""
    return VaultError(400, "BadParameter", message)


def unauthorized(message: str) -> VaultError:
    """Return the error for a token that is missing or issued for another resource."""
    return VaultError(401, "Unauthorized", message)
