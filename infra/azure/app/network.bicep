param name string
param addressName string
param gatewayName string
param endpointPrefix string
param location string
param tags object
param storageName string
param tableAccountNames array
param vaultName string

resource storage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource address 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: addressName
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv4', idleTimeoutInMinutes: 4 }
}

resource nat 'Microsoft.Network/natGateways@2024-05-01' = {
  name: gatewayName
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { idleTimeoutInMinutes: 4, publicIpAddresses: [{ id: address.id }] }
}

resource net 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.20.0.0/22'] }
    subnets: [
      {
        // Flex Consumption needs a subnet of its own, /27 at least, without an underscore in its name.
        name: 'app'
        properties: {
          addressPrefix: '10.20.0.0/24'
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
          natGateway: { id: nat.id }
          defaultOutboundAccess: false
        }
      }
      { name: 'endpoints', properties: { addressPrefix: '10.20.1.0/26', defaultOutboundAccess: false } }
    ]
  }
}

var storageSuffix = environment().suffixes.storage
var services = [
  { group: 'blob', zone: 'privatelink.blob.${storageSuffix}' }
  { group: 'queue', zone: 'privatelink.queue.${storageSuffix}' }
  { group: 'table', zone: 'privatelink.table.${storageSuffix}' }
  { group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
]
var targets = concat(
  [
    { name: 'blob', id: storage.id, zone: 0 }
    { name: 'queue', id: storage.id, zone: 1 }
    { name: 'table', id: storage.id, zone: 2 }
    { name: 'vault', id: vault.id, zone: 3 }
  ],
  map(range(0, length(tableAccountNames)), i => {
    name: 'table-${tableAccountNames[i]}'
    id: resourceId('Microsoft.Storage/storageAccounts', tableAccountNames[i])
    zone: 2
  })
)

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for service in services: {
    name: service.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (service, i) in services: {
    parent: zones[i]
    name: 'link'
    location: 'global'
    properties: { registrationEnabled: false, virtualNetwork: { id: net.id } }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for target in targets: {
    name: '${endpointPrefix}${target.name}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${net.id}/subnets/endpoints' }
      privateLinkServiceConnections: [
        {
          name: target.name
          properties: { privateLinkServiceId: target.id, groupIds: [services[target.zone].group] }
        }
      ]
    }
  }
]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (target, i) in targets: {
    parent: endpoints[i]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        { name: services[target.zone].group, properties: { privateDnsZoneId: zones[target.zone].id } }
      ]
    }
  }
]

output outboundAddress string = address.properties.ipAddress
