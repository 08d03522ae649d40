targetScope = 'subscription'

@description('Name of the azd environment; part of the name of the resource group.')
@minLength(2)
@maxLength(64)
param environmentName string

@description('Region of every resource.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Address that alerts and budget warnings are sent to.')
param operatorMail string

@description('Monthly budget in the currency of the subscription. A warning is sent when the forecast exceeds it.')
@minValue(1)
param monthlyBudget int = 100

@description('First day of the month in which the budget was first deployed, as yyyy-MM-dd. Azure refuses to change it later.')
@minLength(10)
@maxLength(10)
param budgetStart string

@description('Two periods of SYNC_SCHEDULE, which the hook before provisioning calculates: an alert is sent when no run finished for so long.')
param twoPeriods string = 'PT2H'

@description('Client id of the application that people sign in with; empty turns sign-in off, and the API accepts function keys only.')
param signInClientId string = ''

@description('App settings that replace those of settings.json, by name; an empty value keeps the default.')
param settings object = {}

@description('Names of further storage accounts for tables, separated by spaces: 1 to 9 lower-case letters and digits. An account is never removed again while tenants are in it.')
param tableAccounts string = ''

@description('Name of the table account for new tenants; empty for the first account.')
param newTenantsAccount string = ''

@description('Redundancy of stored data. ZRS keeps three copies in three zones of the region; GZRS adds a copy in another region, at about twice the price; LRS is for regions without zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param storageRedundancy string = 'Standard_ZRS'

@description('Refuse the deletion of storage accounts until their lock is removed.')
param lockStorage bool = true

@description('Keep deleted secrets for seven days, in which they cannot be purged. It cannot be switched off again for a vault.')
param purgeProtection bool = true

@description('Recover the deleted vault of the same name, which exists for seven days after `azd down`.')
param recoverVault bool = false

@description('Memory of an instance in MB. 2048 is one core, and what the performance figures were measured with.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Limit of instances; limits the cost of an hour.')
@minValue(1)
@maxValue(1000)
param maximumInstances int = 100

@description('Keep two instances of every scale group in different zones. Costs about $294 a month, whether or not there is work: each function except HTTP is a group. The region must have zones; switching it on or off replaces the instances.')
param zoneRedundant bool = false

@description('Recreate stops executions under way at an update; their messages come again after up to ten minutes. RollingUpdate drains them and costs nothing; it is a preview, and two versions run side by side for up to an hour.')
@allowed(['Recreate', 'RollingUpdate'])
param updateStrategy string = 'Recreate'

@description('Reach storage and vault through a virtual network only, with one outbound address that customers can allow. Costs about $68 a month. Azure joins an app to a network without a new deployment, but data is unreachable until the endpoints exist.')
param vnetEnabled bool = false

@description('Open the app every 15 minutes from three places, and alert if two of them fail. Costs about $7 a month, because each test starts the app.')
param availabilityTest bool = false

var prefix = loadJsonContent('abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
// Names are made here and never passed through an output, so that what-if and snapshots can show every resource.
var identityName = '${prefix.identity}${token}'
var networkName = vnetEnabled ? '${prefix.network}${token}' : ''
var storageName = '${prefix.storageAccount}${token}'
var furtherAccounts = filter(split(tableAccounts, ' '), name => !empty(name))
var alertRows = filter(loadJsonContent('alerts.json'), row => availabilityTest || !contains(row, 'needs'))
var replaced = toObject(
  filter(items(settings), setting => !empty(setting.value)),
  setting => setting.key,
  setting => setting.value
)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: '${prefix.resourceGroup}${environmentName}'
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  scope: group
  params: { name: identityName, location: location, tags: tags }
}

module monitoring 'app/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: '${prefix.workspace}${token}'
    insightsName: '${prefix.insights}${token}'
    actionGroupName: '${prefix.actionGroup}${token}'
    location: location
    tags: tags
    operatorMail: operatorMail
    identityName: identityName
    principalId: identity.outputs.principalId
  }
}

module alerts 'app/alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    actionGroupId: monitoring.outputs.actionGroupId
    alerts: alertRows
    twoPeriods: twoPeriods
  }
}

module workbook 'app/workbook.bicep' = {
  scope: group
  params: { location: location, tags: tags, workspaceId: monitoring.outputs.workspaceId, alerts: alertRows }
}

module storage 'app/storage.bicep' = {
  scope: group
  params: {
    name: storageName
    redundancy: storageRedundancy
    location: location
    tags: tags
    identityName: identityName
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    private: vnetEnabled
    lock: lockStorage
  }
}

module accounts 'app/account.bicep' = [
  for name in furtherAccounts: {
    name: 'account-${name}'
    scope: group
    params: {
      name: '${storageName}${name}'
      redundancy: storageRedundancy
      location: location
      tags: tags
      identityName: identityName
      principalId: identity.outputs.principalId
      workspaceId: monitoring.outputs.workspaceId
      private: vnetEnabled
      lock: lockStorage
    }
  }
]

module vault 'app/vault.bicep' = {
  scope: group
  params: {
    name: '${prefix.vault}${token}'
    location: location
    tags: tags
    identityName: identityName
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    private: vnetEnabled
    purgeProtection: purgeProtection
    recover: recoverVault
  }
}

module network 'app/network.bicep' = if (vnetEnabled) {
  scope: group
  params: {
    name: networkName
    addressName: '${prefix.publicAddress}${token}'
    gatewayName: '${prefix.natGateway}${token}'
    endpointPrefix: prefix.privateEndpoint
    location: location
    tags: tags
    storageName: storageName
    tableAccountNames: [for name in furtherAccounts: '${storageName}${name}']
    vaultName: '${prefix.vault}${token}'
  }
  dependsOn: [storage, accounts, vault]
}

module api 'app/function.bicep' = {
  scope: group
  params: {
    name: '${prefix.functionApp}${token}'
    planName: '${prefix.plan}${token}'
    location: location
    tags: tags
    identityName: identityName
    identityClientId: identity.outputs.clientId
    storageEndpoints: storage.outputs.endpoints
    tableAccounts: [for (name, i) in furtherAccounts: '${name}=${accounts[i].outputs.tables}']
    newTenantsAccount: newTenantsAccount
    vaultUri: vault.outputs.uri
    insightsConnectionString: monitoring.outputs.connectionString
    networkName: networkName
    signInClientId: signInClientId
    settings: union(loadJsonContent('settings.json'), replaced)
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    zoneRedundant: zoneRedundant
    updateStrategy: updateStrategy
  }
  dependsOn: [network]
}

module availability 'app/availability.bicep' = if (availabilityTest) {
  scope: group
  params: {
    name: '${prefix.availabilityTest}${token}'
    location: location
    tags: tags
    insightsName: '${prefix.insights}${token}'
    endpoint: api.outputs.endpoint
  }
}

module budget 'app/budget.bicep' = {
  scope: group
  params: { amount: monthlyBudget, start: budgetStart, operatorMail: operatorMail }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output SERVICE_API_NAME string = api.outputs.name
output SERVICE_API_ENDPOINT string = api.outputs.endpoint
output IDENTITY_CLIENT_ID string = identity.outputs.clientId
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output STORAGE_ACCOUNT string = storage.outputs.name
output KEY_VAULT_NAME string = vault.outputs.name
output OUTBOUND_IP string = network.?outputs.outboundAddress ?? ''
