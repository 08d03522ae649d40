"""What a deployment grants and exposes: five roles, each on one resource, and nothing public that need not be."""

import re

import pytest

from infra.azure.snapshot import Role, Snapshot

#: Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
MICROSOFT = {
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
#: Types, and the names that they may have: length and characters.
#: Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
NAMES = {
    "Microsoft.Resources/resourceGroups": r"[\w.()-]{1,90}(?<!\.)",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[a-zA-Z0-9][\w-]{2,127}",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.KeyVault/vaults": r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
    "Microsoft.Web/serverfarms": r"[a-zA-Z0-9-]{1,60}",
    "Microsoft.Web/sites": r"(?!-)[a-zA-Z0-9-]{2,60}(?<!-)",
    "Microsoft.OperationalInsights/workspaces": r"[a-zA-Z0-9][a-zA-Z0-9-]{2,61}[a-zA-Z0-9]",
    "Microsoft.Network/virtualNetworks": r"[a-zA-Z0-9][\w.-]{0,62}\w",
    "Microsoft.Network/natGateways": r"[a-zA-Z0-9][\w.-]{0,78}\w",
    "Microsoft.Network/publicIPAddresses": r"[a-zA-Z0-9][\w.-]{0,78}\w",
    "Microsoft.Network/privateEndpoints": r"[a-zA-Z0-9][\w.-]{0,62}\w",
    "Microsoft.Insights/actionGroups": r"[\w-]{1,260}",
    "Microsoft.Insights/components": r"[\w().-]{1,260}(?<!\.)",
    "Microsoft.Insights/scheduledQueryRules": r"[\w-]{1,260}",
    "Microsoft.Insights/webtests": r"[\w-]{1,260}",
    "Microsoft.Consumption/budgets": r"[\w-]{1,63}",
    "Microsoft.Authorization/locks": r"[\w().-]{1,90}(?<!\.)",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "Microsoft.Storage/storageAccounts/queueServices/queues": r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
}
#: Types whose names Azure prescribes, or which any name serves.
PRESCRIBED = {
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.Insights/workbooks",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/queueServices",
    "Microsoft.Storage/storageAccounts/tableServices",
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
    "Microsoft.Web/sites/config",
}
#: Settings that Flex Consumption refuses or ignores.
#: Source: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#deprecated-properties-and-settings
FORBIDDEN = re.compile(
    r"FUNCTIONS_WORKER_RUNTIME|FUNCTIONS_EXTENSION_VERSION|FUNCTIONS_WORKER_PROCESS_COUNT|ENABLE_ORYX_BUILD"
    r"|SCM_DO_BUILD_DURING_DEPLOYMENT|WEBSITE_RUN_FROM_PACKAGE|WEBSITE_CONTENT.*|WEBSITE_TIME_ZONE|TZ"
)


def granted(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return name and type of the resource of every role."""
    names = {id_: name for name, id_ in MICROSOFT.items()}
    types = {resource["id"]: resource["type"] for resource in snapshot.resources}
    return sorted((names[role.id], types[role.scope]) for role in snapshot.roles())


def test_the_identity_has_five_roles_each_on_one_resource(snapshot: Snapshot) -> None:
    """A further table account adds the role for tables there, and none for blobs or queues."""
    further = len(snapshot.storage_accounts) - 1
    account = "Microsoft.Storage/storageAccounts"
    assert granted(snapshot) == sorted(
        [
            ("Storage Blob Data Owner", account),
            ("Storage Queue Data Contributor", account),
            *[("Storage Table Data Contributor", account)] * (1 + further),
            ("Key Vault Secrets Officer", "Microsoft.KeyVault/vaults"),
            ("Monitoring Metrics Publisher", "Microsoft.Insights/components"),
        ]
    )
    assert len(set(snapshot.roles())) == len(snapshot.roles())


def test_a_role_elsewhere_would_be_noticed(snapshot: Snapshot) -> None:
    """A role on the resource group is a role on everything in it."""
    group = snapshot.one("Microsoft.Resources/resourceGroups")["id"]
    snapshot.of_type("Microsoft.Authorization/roleAssignments")[0]["id"] = (
        f"{group}/providers/Microsoft.Authorization/roleAssignments/0"
    )
    assert Role(id=snapshot.roles()[0].id, scope=group) in snapshot.roles()
    assert "Microsoft.Resources/resourceGroups" in {type_ for _, type_ in granted(snapshot)}


def test_names_are_valid(snapshot: Snapshot) -> None:
    """Azure refuses a name that is too long in the middle of a deployment."""
    named = [resource for resource in snapshot.resources if resource["type"] not in PRESCRIBED]
    names = [(resource["type"], resource["name"].rsplit("/", maxsplit=1)[-1]) for resource in named]
    assert [(type_, name) for type_, name in names if not re.fullmatch(NAMES[type_], name)] == []
    (group,) = snapshot.of_type("Microsoft.Insights/actionGroups")
    assert len(group["properties"]["groupShortName"]) <= 12


def test_every_type_is_used(prod: Snapshot) -> None:
    """A type that is no longer deployed needs no rule."""
    assert {resource["type"] for resource in prod.resources} == {*NAMES, *PRESCRIBED}


def test_no_setting_is_forbidden(snapshot: Snapshot) -> None:
    """Flex Consumption has properties in their place."""
    assert [name for name in snapshot.app_settings() if FORBIDDEN.fullmatch(name)] == []


def test_no_setting_contains_a_secret(snapshot: Snapshot) -> None:
    """Everything is reached with the identity: no key is read, and none is an output."""
    text = str(snapshot.resources)
    assert [word for word in ("listKeys", "AccountKey", "listSecrets", "primaryKey") if word in text] == []


def test_storage_has_no_keys_and_no_public_blobs(snapshot: Snapshot) -> None:
    """Every storage account, the further ones too."""
    for account in snapshot.of_type("Microsoft.Storage/storageAccounts"):
        properties = account["properties"]
        assert properties["allowSharedKeyAccess"] is False
        assert properties["allowBlobPublicAccess"] is False
        assert properties["allowCrossTenantReplication"] is False
        assert properties["minimumTlsVersion"] == "TLS1_2"
        assert properties["supportsHttpsTrafficOnly"] is True
    for container in snapshot.of_type("Microsoft.Storage/storageAccounts/blobServices/containers"):
        assert container["properties"]["publicAccess"] == "None"


def test_the_network_closes_storage_and_vault(snapshot: Snapshot, request: pytest.FixtureRequest) -> None:
    """Without the network they are reached over the internet, with tokens only."""
    expected = {"dev": ("Enabled", "Allow"), "prod": ("Disabled", "Deny")}[request.node.callspec.params["snapshot"]]
    for type_ in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"):
        for resource in snapshot.of_type(type_):
            properties = resource["properties"]
            assert (properties["publicNetworkAccess"], properties["networkAcls"]["defaultAction"]) == expected
            assert properties["networkAcls"]["bypass"] == "None"


def test_every_closed_service_has_a_private_endpoint(prod: Snapshot) -> None:
    """Blob, queue, table and vault of the first account; tables of each further one."""
    connections = [
        connection["properties"]
        for endpoint in prod.of_type("Microsoft.Network/privateEndpoints")
        for connection in endpoint["properties"]["privateLinkServiceConnections"]
    ]
    reached = {(item["privateLinkServiceId"].split("/")[-1], *item["groupIds"]) for item in connections}
    first, *further = prod.storage_accounts
    vault = prod.one("Microsoft.KeyVault/vaults")["name"]
    assert reached == {
        *((first, group) for group in ("blob", "queue", "table")),
        *((account, "table") for account in further),
        (vault, "vault"),
    }
    assert len(prod.of_type("Microsoft.Network/privateEndpoints/privateDnsZoneGroups")) == len(reached)


def test_the_subnet_is_one_that_flex_accepts(prod: Snapshot) -> None:
    """Delegated, not shared with the endpoints, without an underscore in its name, and behind the NAT gateway."""
    subnets = {subnet["name"]: subnet["properties"] for subnet in prod.one("Microsoft.Network/virtualNetworks")
               ["properties"]["subnets"]}  # fmt: skip
    app = subnets["app"]
    assert prod.one("Microsoft.Web/sites")["properties"]["virtualNetworkSubnetId"].endswith("/subnets/app")
    assert [item["properties"]["serviceName"] for item in app["delegations"]] == ["Microsoft.App/environments"]
    assert app["natGateway"]["id"] == prod.one("Microsoft.Network/natGateways")["id"]
    assert not any("_" in name for name in subnets)
    assert "delegations" not in subnets["endpoints"]


def test_the_vault_is_guarded_by_roles(snapshot: Snapshot) -> None:
    """No access policies; deleted secrets stay for the shortest time that Azure allows."""
    properties = snapshot.one("Microsoft.KeyVault/vaults")["properties"]
    assert properties["enableRbacAuthorization"] is True
    assert properties["softDeleteRetentionInDays"] == 7
    assert properties["enablePurgeProtection"] in {True, None}


def test_the_app_accepts_https_and_no_passwords(snapshot: Snapshot) -> None:
    """Packages are published with a token, not with publishing credentials."""
    properties = snapshot.one("Microsoft.Web/sites")["properties"]
    assert properties["httpsOnly"] is True
    assert properties["siteConfig"]["minTlsVersion"] == "1.2"
    assert properties["siteConfig"]["ftpsState"] == "Disabled"
    policies = snapshot.of_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {policy["name"].split("/")[-1]: policy["properties"]["allow"] for policy in policies} == {
        "ftp": False,
        "scm": False,
    }


def test_telemetry_accepts_no_keys(snapshot: Snapshot) -> None:
    """The connection string names a key, which is refused."""
    assert snapshot.one("Microsoft.Insights/components")["properties"]["DisableLocalAuth"] is True
    assert (
        snapshot.one("Microsoft.OperationalInsights/workspaces")["properties"]["features"]["disableLocalAuth"] is True
    )


def test_sign_in_stores_nothing_and_has_no_secret(prod: Snapshot) -> None:
    """People's tokens stay in their browsers; the identity's token replaces a client secret."""
    (config,) = prod.of_type("Microsoft.Web/sites/config")
    assert config["name"].endswith("/authsettingsV2")
    properties = config["properties"]
    assert properties["login"]["tokenStore"]["enabled"] is False
    registration = properties["identityProviders"]["azureActiveDirectory"]["registration"]
    assert registration["clientSecretSettingName"] in prod.app_settings()
    assert "clientSecret" not in registration


def test_only_the_api_and_its_way_out_are_public(prod: Snapshot) -> None:
    """With the network, no other resource has a public address."""
    assert [address["id"] for address in prod.of_type("Microsoft.Network/publicIPAddresses")] == [
        address["id"] for address in prod.one("Microsoft.Network/natGateways")["properties"]["publicIpAddresses"]
    ]
