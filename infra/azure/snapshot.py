"""Snapshots of deployments: which resources Azure would create, and with which properties."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from infra.azure.expressions import Lookup, evaluate

FOLDER: Final = Path(__file__).parent
ENVIRONMENTS: Final = ("dev", "prod")

_ROLES: Final = msgspec.json.decode((FOLDER / "roles.json").read_bytes(), type=dict[str, str])
#: Ids of the roles that the app's identity has.
BLOB_OWNER: Final = _ROLES["storageBlobDataOwner"]
QUEUE_CONTRIBUTOR: Final = _ROLES["storageQueueDataContributor"]
TABLE_CONTRIBUTOR: Final = _ROLES["storageTableDataContributor"]
SECRETS_OFFICER: Final = _ROLES["keyVaultSecretsOfficer"]
METRICS_PUBLISHER: Final = _ROLES["monitoringMetricsPublisher"]

_ROLE_ASSIGNMENT: Final = "/providers/Microsoft.Authorization/roleAssignments/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role that the app's identity has on one resource."""

    #: id of the role definition
    id: str
    #: id of the resource
    scope: str


class Snapshot:
    """The resources of one environment, as the Bicep compiler predicts them."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self.resources = resources

    @classmethod
    def load(cls, environment: str) -> Self:
        """Return the snapshot of an environment that is stored in the repository."""
        path = FOLDER / "environments" / f"{environment}.snapshot.json"
        return cls(msgspec.json.decode(path.read_bytes())["predictedResources"])

    def of_type(self, type_: str) -> list[dict[str, Any]]:
        """Return the resources of a type, such as `Microsoft.Web/sites`."""
        return [resource for resource in self.resources if resource["type"] == type_]

    def one(self, type_: str) -> dict[str, Any]:
        """Return the only resource of a type."""
        (resource,) = self.of_type(type_)
        return resource

    @property
    def storage_accounts(self) -> list[str]:
        """Names of the storage accounts: the first one, then the further ones for tables."""
        return [account["name"] for account in self.of_type("Microsoft.Storage/storageAccounts")]

    def tables(self, account: str) -> list[str]:
        """Return the names of the tables in a storage account, sorted."""
        return self._children("Microsoft.Storage/storageAccounts/tableServices/tables", account)

    def queues(self, account: str) -> list[str]:
        """Return the names of the queues in a storage account, sorted."""
        return self._children("Microsoft.Storage/storageAccounts/queueServices/queues", account)

    def roles(self) -> list[Role]:
        """Return all role assignments."""
        return [
            Role(
                id=re.split("/", resource["properties"]["roleDefinitionId"])[-1],
                scope=resource["id"].partition(_ROLE_ASSIGNMENT)[0],
            )
            for resource in self.of_type("Microsoft.Authorization/roleAssignments")
        ]

    def app_settings(self) -> dict[str, str]:
        """Return the app settings by name. What only Azure knows is an expression in brackets."""
        settings = self.one("Microsoft.Web/sites")["properties"]["siteConfig"]["appSettings"]
        return {setting["name"]: setting["value"] for setting in settings}

    def evaluated_settings(self, lookup: Lookup) -> dict[str, str]:
        """Return the app settings by name. `lookup` gives the values that only Azure knows."""
        return {name: evaluate(value, lookup) for name, value in self.app_settings().items()}

    def _children(self, type_: str, account: str) -> list[str]:
        names = [resource["name"].split("/") for resource in self.of_type(type_)]
        return sorted(name[-1] for name in names if name[0] == account)
