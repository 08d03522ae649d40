"""The forms of all providers, and what the API shows of their connections. A new provider adds itself here."""

from shared.domain.connections.entra.connection_settings import EntraDetails
from shared.domain.connections.entra.credential_form import CredentialForm
from shared.domain.connections.entra.error_codes import LISTED_CODES

#: Body with which a directory is validated and connected.
ConnectionBody = CredentialForm
#: Fields of the API's connection that depend on its provider.
ConnectionDetails = EntraDetails
#: Error codes of the directories that API clients meet most.
DIRECTORY_CODES = LISTED_CODES
