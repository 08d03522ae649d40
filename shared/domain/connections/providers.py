"""The forms of all providers, and what the API shows of their connections. A new provider adds itself here."""

from typing import Final

from shared.domain.connections.entra.connection_settings import EntraDetails
from shared.domain.connections.entra.credential_form import CredentialForm

#: Body with which a directory is validated and connected.
ConnectionBody = CredentialForm
#: Fields of the API's connection that depend on its provider.
ConnectionDetails = EntraDetails
#: Error codes of the directories that API clients meet most.
DIRECTORY_CODES: Final = ("AADSTS…", "Authorization_RequestDenied")
