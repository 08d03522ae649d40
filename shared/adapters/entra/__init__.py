"""Microsoft Entra ID: `DirectoryProvider` and `Directory` over Microsoft Graph and the login service.

Requests go through the SDK's authentication, middleware and adapter; answers are taken as bytes and decoded by msgspec.
The SDKs are imported when a directory is first opened, not before.
"""

from shared.adapters.entra.factory import GraphDirectoryFactory
from shared.adapters.entra.provider import EntraProvider
from shared.adapters.entra.validation import EntraContext

__all__ = ["EntraContext", "EntraProvider", "GraphDirectoryFactory"]
