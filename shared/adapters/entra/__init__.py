"""Microsoft Graph and the login service: `Directory` and `DirectoryFactory`, on msgraph-sdk and azure-identity.

Requests go through the SDK's authentication, middleware and adapter; answers are taken as bytes and decoded by msgspec.
The SDKs are imported when a directory is first opened, not before.
"""

from shared.adapters.entra.factory import GraphDirectoryFactory

__all__ = ["GraphDirectoryFactory"]
