"""Certificates as people have them: PEM, or PFX in base64, with or without a password."""

import base64
import binascii
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from shared.errors import Rejected
from shared.ports import Certificate

_PEM: Final = b"-----BEGIN"


class X509CertificateReader:
    """`CertificateReader` on the package cryptography."""

    def read(self, text: str, password: str) -> Certificate:
        """Return the certificate with its private key. Raises: Rejected, without a word of what was entered."""
        data = text.strip().encode()
        key, found = _of_pem(data, password) if _PEM in data else _of_pfx(data, password)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Rejected(
                "There is no RSA private key with the certificate; it takes one to sign in.",
                code="certificate_without_key",
            )
        own = [each for each in found if each.public_key() == key.public_key()]
        if not own:
            raise Rejected(
                "The private key belongs to another certificate than the one beside it.", code="certificate_without_key"
            )
        others = [each for each in found if each not in own]
        parts = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())]
        parts += [each.public_bytes(Encoding.PEM) for each in (*own, *others)]
        return Certificate(pem=b"".join(parts).decode(), ends=own[0].not_valid_after_utc)


def _of_pem(data: bytes, password: str) -> tuple[object, list[x509.Certificate]]:
    try:
        certificates = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise _unreadable() from error
    if b"PRIVATE KEY" not in data:
        return None, certificates
    try:
        return load_pem_private_key(data, password.encode() or None), certificates
    except TypeError:
        if not password:
            raise _wrong_password() from None
        return _of_pem(data, "")  # a password for a key that needs none
    except (ValueError, UnsupportedAlgorithm) as error:
        raise (_wrong_password() if b"ENCRYPTED" in data else _unreadable()) from error


def _of_pfx(data: bytes, password: str) -> tuple[object, list[x509.Certificate]]:
    try:
        content = base64.b64decode(data, validate=False)
        key, certificate, others = pkcs12.load_key_and_certificates(content, password.encode() or None)
    except (binascii.Error, UnsupportedAlgorithm) as error:
        raise _unreadable() from error
    except ValueError as error:
        raise (_wrong_password() if "password" in str(error).lower() else _unreadable()) from error
    return key, [each for each in (certificate, *others) if each is not None]


def _unreadable() -> Rejected:
    return Rejected("This is neither PEM nor a PFX in base64.", code="certificate_unreadable")


def _wrong_password() -> Rejected:
    return Rejected("The certificate's password is missing or wrong.", code="certificate_password")
