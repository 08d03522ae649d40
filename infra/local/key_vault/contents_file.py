"""Persistence of a vault: a file that only its owner can read, so that secrets survive a restart."""

import os
from pathlib import Path

import msgspec

from infra.local.key_vault.model import Contents


def load(path: Path | None) -> Contents:
    """Return the saved vault, or an empty vault if the file does not exist.

    Raises:
        msgspec.MsgspecError: The file is not a saved vault.
    """
    if path is None or not path.exists():
        return Contents()
    return msgspec.json.decode(path.read_bytes(), type=Contents)


def save(path: Path | None, contents: Contents) -> None:
    """Write `contents` atomically. Without a path, do nothing."""
    if path is None:
        return
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(msgspec.json.encode(contents))
    draft.replace(path)
