"""Certificates that are told apart by their text."""

from datetime import datetime

from shared.domain.connections.entra.certificate import Certificate
from shared.errors import Rejected


class FakeCertificateReader:
    """`CertificateReader` that knows the texts it was given; any other is unreadable."""

    def __init__(self) -> None:
        self.known: dict[str, datetime] = {}

    async def read(self, text: str, password: str) -> Certificate:
        """Return the certificate. Raises: Rejected."""
        del password
        if text not in self.known:
            raise Rejected("The certificate is neither PEM nor a PFX in base64.", code="certificate_unreadable")
        return Certificate(pem=text, ends=self.known[text])
