"""The vault's refusals, with its own codes and words."""


class VaultError(Exception):
    """An answer with an error in it."""

    def __init__(self, status: int, code: str, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.reason = reason  #: the inner error's code

    def body(self) -> dict[str, object]:
        """The JSON that the service answers."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.reason is not None:
            error["innererror"] = {"code": self.reason}
        return {"error": error}


def secret_not_found(name: str) -> VaultError:
    """No such secret, or no such version of it."""
    return VaultError(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182",
    )


def deleted_secret_not_found(name: str) -> VaultError:
    """No deleted secret of that name."""
    return VaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")


def name_is_deleted(name: str) -> VaultError:
    """The name still belongs to a deleted secret."""
    return VaultError(
        409,
        "Conflict",
        f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
        "the secret can only be recovered or purged.",
        reason="ObjectIsDeletedButRecoverable",
    )


def secret_disabled() -> VaultError:
    """The version is switched off."""
    message = "Operation get is not allowed on a disabled secret."
    return VaultError(403, "Forbidden", message, reason="SecretDisabled")


def bad_parameter(message: str) -> VaultError:
    """The request is wrong."""
    return VaultError(400, "BadParameter", message)


def unauthorized(message: str) -> VaultError:
    """The token is missing or not for this vault."""
    return VaultError(401, "Unauthorized", message)
