"""A tenant's connection: with which credentials, and through which pair of hosts, its directory is read."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.domain.ids import ObjectId


class Cloud(StrEnum):
    """Microsoft's clouds, by the name an admin picks."""

    GLOBAL = "global"
    USGOV = "usgov"
    USGOV_DOD = "usgov-dod"
    CHINA = "china"


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """A login host and the Graph host that accepts its tokens, as `https://host[:port]` without a final slash."""

    login: str
    graph: str


#: Source: https://learn.microsoft.com/graph/deployments
CLOUD_ENDPOINTS: dict[Cloud, Endpoints] = {
    Cloud.GLOBAL: Endpoints(login="https://login.microsoftonline.com", graph="https://graph.microsoft.com"),
    Cloud.USGOV: Endpoints(login="https://login.microsoftonline.us", graph="https://graph.microsoft.us"),
    Cloud.USGOV_DOD: Endpoints(login="https://login.microsoftonline.us", graph="https://dod-graph.microsoft.us"),
    Cloud.CHINA: Endpoints(login="https://login.chinacloudapi.cn", graph="https://microsoftgraph.chinacloudapi.cn"),
}


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Everything needed to read one directory, the secret included; never stored, logged or put on a queue."""

    azure_tenant_id: str
    client_id: str
    client_secret: str
    endpoints: Endpoints

    def __repr__(self) -> str:
        return f"Credentials(azure_tenant_id={self.azure_tenant_id!r}, client_id={self.client_id!r}, client_secret=…)"


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A stored connection. The secret itself lies in Key Vault under `secret_name` and `secret_version`.

    The secret was entered for exactly this (tenant, client, login host, Graph host); changing one of them means
    entering it again, so that an endpoint cannot be edited to receive it.
    """

    azure_tenant_id: ObjectId
    client_id: ObjectId
    object_id: ObjectId
    cloud: Cloud
    endpoints: Endpoints
    secret_name: str
    secret_version: str
    connected_at: datetime
    secret_expires_on: datetime | None = None
    #: Set while the connection cannot be used: since when, a stable code, and what to do about it.
    attention_since: datetime | None = None
    attention_code: str | None = None
    attention_detail: str | None = None

    def credentials(self, client_secret: str) -> Credentials:
        """Return the credentials that this connection and its secret make."""
        return Credentials(
            azure_tenant_id=self.azure_tenant_id,
            client_id=self.client_id,
            client_secret=client_secret,
            endpoints=self.endpoints,
        )


class SsoApplication(msgspec.Struct, frozen=True, kw_only=True):
    """The enterprise application that people of the tenant sign in with."""

    client_id: ObjectId
    object_id: ObjectId | None = None
