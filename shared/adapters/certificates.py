"""Decryption of client certificates: PEM, or PFX in base64, with or without a password.

A certificate is decrypted in a child process with a timeout. The file is untrusted: it determines how often its
password is hashed, and an error of the library must neither stop the worker nor print the input.
"""

import asyncio
import base64
import binascii
import sys
from datetime import datetime
from typing import Final

import msgspec
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

from shared.domain.connections.entra.certificate import Certificate
from shared.errors import RateLimited, Rejected

_PEM: Final = b"-----BEGIN"
#: Maximum length of the text, in characters: far more than a chain of certificates has.
_MAX_TEXT: Final = 100_000
#: Timeout of the child process, in seconds; a file from common programs takes less than one second.
_TIMEOUT_S: Final = 10.0
#: Number of child processes at the same time, so that many such files do not occupy the machine.
_PROCESSES: Final = 2
#: Maximum wait for one of them, in seconds.
_WAIT_S: Final = _TIMEOUT_S
#: Maximum size of an RSA key, in bits: the time to sign with it grows with the cube of its size.
_MAX_BITS: Final = 8192
#: Minimum size of an RSA key that the login service accepts, in bits.
#: Source: https://learn.microsoft.com/entra/identity-platform/certificate-credentials
_MIN_BITS: Final = 2048
_CHILD: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from shared.adapters.certificates import main; main()"
)


class _Entered(msgspec.Struct):
    text: str
    password: str


class _Opened(msgspec.Struct):
    """Result of the child process: a certificate, or an error."""

    pem: str = ""
    ends: datetime | None = None
    code: str = ""
    detail: str = ""


class X509CertificateReader:
    """`CertificateReader` that uses the package cryptography in child processes."""

    def __init__(self) -> None:
        self._processes = asyncio.Semaphore(_PROCESSES)

    async def read(self, text: str, password: str) -> Certificate:
        """Return the certificate with its private key.

        Raises:
            Rejected: It cannot be decrypted or used to sign in. The message never contains the input.
            RateLimited: Other certificates take up all processes.
        """
        if len(text) > _MAX_TEXT or "\0" in text or "\0" in password:
            raise _unreadable()
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._processes.acquire()
        except TimeoutError as error:
            raise RateLimited(
                "Other certificates are being opened.", code="rate_limited", retry_after_s=_TIMEOUT_S
            ) from error
        try:
            return await self._read(text, password)
        finally:
            self._processes.release()

    async def _read(self, text: str, password: str) -> Certificate:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _CHILD,
            msgspec.json.encode(sys.path).decode(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        entered = msgspec.json.encode(_Entered(text, password))
        try:
            answer, _ = await asyncio.wait_for(child.communicate(entered), _TIMEOUT_S)
        except TimeoutError as error:
            raise Rejected(
                "The certificate takes too long to open: export it again with default settings.",
                code="certificate_unreadable",
            ) from error
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        try:
            opened = msgspec.json.decode(answer, type=_Opened)
        except msgspec.MsgspecError as error:
            raise _unreadable() from error
        if opened.ends is None:
            raise Rejected(opened.detail, code=opened.code)
        return Certificate(pem=opened.pem, ends=opened.ends)


def main() -> None:
    """Run the child process: decrypt the certificate from standard input, and write the result to standard output."""
    entered = msgspec.json.decode(sys.stdin.buffer.read(), type=_Entered)
    try:
        certificate = opened(entered.text, entered.password)
        answer = _Opened(pem=certificate.pem, ends=certificate.ends)
    except Rejected as error:
        answer = _Opened(code=error.code, detail=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def opened(text: str, password: str) -> Certificate:
    """Return the certificate with its private key.

    Raises Rejected if it cannot be decrypted or used to sign in. The message never contains the input.
    """
    data = text.strip().encode()
    key, certificates = _of_pem(data, password) if _PEM in data else _of_pfx(data, password)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Rejected(
            "The certificate does not contain an RSA private key, which is needed to sign in.",
            code="certificate_without_key",
        )
    if key.key_size < _MIN_BITS:
        raise Rejected(
            f"The RSA key has {key.key_size} bits, but the login service requires at least {_MIN_BITS}.",
            code="certificate_weak",
        )
    if key.key_size > _MAX_BITS:
        raise Rejected(
            f"The RSA key has {key.key_size} bits; at most {_MAX_BITS} are accepted.", code="certificate_unreadable"
        )
    own = [certificate for certificate in certificates if _belongs(certificate, key)]
    if not own:
        raise Rejected("The private key does not belong to this certificate.", code="certificate_without_key")
    issuers = [certificate for certificate in certificates if certificate not in own]
    parts = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())]
    parts += [certificate.public_bytes(Encoding.PEM) for certificate in (*own, *issuers)]
    return Certificate(pem=b"".join(parts).decode(), ends=own[0].not_valid_after_utc)


def _belongs(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> bool:
    try:
        return certificate.public_key() == key.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return False  # a certificate of the chain with an unsupported kind of key


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
        return _of_pem(data, "")  # a password was entered for a key without one
    except (ValueError, UnsupportedAlgorithm) as error:
        raise (_wrong_password() if b"ENCRYPTED" in data else _unreadable()) from error


def _of_pfx(data: bytes, password: str) -> tuple[object, list[x509.Certificate]]:
    try:
        content = base64.b64decode(data, validate=False)
        key, certificate, issuers = pkcs12.load_key_and_certificates(content, password.encode() or None)
    except (binascii.Error, UnsupportedAlgorithm) as error:
        raise _unreadable() from error
    except ValueError as error:
        raise (_wrong_password() if "password" in str(error).lower() else _unreadable()) from error
    return key, [one for one in (certificate, *issuers) if one is not None]


def _unreadable() -> Rejected:
    return Rejected("The certificate is neither PEM nor a PFX in base64.", code="certificate_unreadable")


def _wrong_password() -> Rejected:
    return Rejected("The certificate's password is missing or wrong.", code="certificate_password")
