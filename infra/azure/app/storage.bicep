@description('Name of the storage account.')
param name string
param redundancy string
param location string
param tags object
param identityName string
param principalId string
param workspaceId string
@description('Whether the account is reached through a virtual network only.')
param private bool
@description('Whether a lock refuses the deletion of the account.')
param lock bool

var ids = loadJsonContent('../roles.json')
var roles = [ids.storageBlobDataOwner, ids.storageQueueDataContributor]

module tableAccount 'account.bicep' = {
  name: 'account'
  params: {
    name: name
    redundancy: redundancy
    location: location
    tags: tags
    identityName: identityName
    principalId: principalId
    workspaceId: workspaceId
    private: private
    lock: lock
  }
}

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: name
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' = {
  parent: account
  name: 'default'
  properties: { deleteRetentionPolicy: { enabled: true, days: 7 } }
  dependsOn: [tableAccount]
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' = {
  parent: blobs
  name: 'app-package'
  properties: { publicAccess: 'None' }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-08-01' = {
  parent: account
  name: 'default'
  dependsOn: [tableAccount]
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-08-01' = [
  for queue in loadJsonContent('../queues.json'): {
    parent: queueService
    name: queue
  }
]

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in roles: {
    scope: account
    name: guid(account.id, identityName, role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
    dependsOn: [tableAccount]
  }
]

output name string = account.name
output endpoints object = tableAccount.outputs.endpoints
