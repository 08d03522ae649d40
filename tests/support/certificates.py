"""Certificates to sign in with, as a customer's admin would make them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def public(self) -> str:
        """The certificate alone, as it is uploaded to the app registration."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def private(self, password: str = "") -> str:
        """Return the key alone as PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _sealed(password)).decode()

    def pem(self, password: str = "") -> str:
        """Return both as PEM."""
        return self.private(password) + self.public

    def pfx(self, password: str = "") -> bytes:
        """Return both as PFX."""
        return pkcs12.serialize_key_and_certificates(b"sync", self.key, self.certificate, None, _sealed(password))


def pair(*, days: float = 365.0, bits: int = 2048) -> Pair:
    """Return a self-signed pair that expires after this number of days."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "recipient-sync")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    ends = now + timedelta(days=days)
    builder = builder.not_valid_before(min(now, ends) - timedelta(days=1)).not_valid_after(ends)
    return Pair(key, builder.sign(key, hashes.SHA256()))


def _sealed(password: str) -> KeySerializationEncryption:
    return BestAvailableEncryption(password.encode()) if password else NoEncryption()
