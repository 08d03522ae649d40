"""A certificate authority for one machine: TLS of the stand-ins, trusted only by the stack.

Token credentials of the Azure SDKs require https. The private key of the authority is never written to disk. It signs
one certificate, for 127.0.0.1 and localhost, and is discarded, so trusting the authority trusts no other certificate.
Renewal creates a new pair.
"""

import fcntl
import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

VALID_FOR = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)

_CLOCK_SKEW = timedelta(minutes=5)
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Paths of the PEM files of one local authority."""

    ca: Path  #: the authority's certificate
    cert: Path  #: the servers' certificate
    key: Path  #: the servers' private key, readable only by its owner
    bundle: Path  #: the system's authorities and this one, for REQUESTS_CA_BUNDLE and SSL_CERT_FILE


def ensure_certificates(directory: Path, *, now: datetime | None = None) -> Certificates:
    """Return certificates in `directory` that are valid for at least another `RENEW_BEFORE`.

    Existing certificates are kept if they are, and replaced otherwise.
    """
    now = now or datetime.now(UTC)
    files = Certificates(
        ca=directory / "ca.pem",
        cert=directory / "server.pem",
        key=directory / "server.key",
        bundle=directory / "bundle.pem",
    )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _still_good(files, now):
            _issue(files, now)
        _write_bundle(files)
    return files


def _still_good(files: Certificates, now: datetime) -> bool:
    with suppress(OSError, ValueError, TypeError):
        authority = x509.load_pem_x509_certificate(files.ca.read_bytes())
        server = x509.load_pem_x509_certificate(files.cert.read_bytes())
        key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
        server.verify_directly_issued_by(authority)
        dated = server.not_valid_before_utc <= now < server.not_valid_after_utc - RENEW_BEFORE
        return dated and key.public_key() == server.public_key()
    return False


def _issue(files: Certificates, now: datetime) -> None:
    authority = trustme.CA(path_length=0, organization_name="Recipient Sync")
    server = authority.issue_cert("127.0.0.1", "localhost", not_before=now - _CLOCK_SKEW, not_after=now + VALID_FOR)
    _write(files.key, server.private_key_pem.bytes(), mode=_PRIVATE)
    _write(files.cert, server.cert_chain_pems[0].bytes())
    _write(files.ca, authority.cert_pem.bytes())


def _write_bundle(files: Certificates) -> None:
    system = Path(ssl.get_default_verify_paths().cafile or certifi.where())
    _write(files.bundle, system.read_bytes().rstrip() + b"\n" + files.ca.read_bytes())


def _write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write `content` atomically. A file with the same content is not touched."""
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(content)
    draft.replace(path)
