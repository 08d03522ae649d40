param name string
param planName string
param location string
param tags object
param identityName string
param identityClientId string
@description('The primary endpoints of the storage account.')
param storageEndpoints object
@description('Further table accounts, each as name=https://address.')
param tableAccounts array
param newTenantsAccount string
param vaultUri string
param insightsConnectionString string
@description('The virtual network whose subnet `app` the app joins; empty for none.')
param networkName string
param signInClientId string
@description('App settings by name.')
param settings object
param instanceMemoryMB int
param maximumInstances int
param zoneRedundant bool
param updateStrategy string

var hasSignIn = !empty(signInClientId)
var clientAssertion = 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = if (!empty(networkName)) {
  name: networkName

  resource app 'subnets' existing = {
    name: 'app'
  }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    virtualNetworkSubnetId: empty(networkName) ? null : network::app.id
    outboundVnetRouting: empty(networkName) ? null : { allTraffic: true }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storageEndpoints.blob}app-package'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      runtime: { name: 'python', version: '3.11' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        triggers: { http: { perInstanceConcurrency: 16 } }
      }
      #disable-next-line BCP037 // the published types lag behind the service
      siteUpdateStrategy: { type: updateStrategy }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      appSettings: concat(map(items(settings), setting => { name: setting.key, value: setting.value }), [
        { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
        { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
        { name: 'AzureWebJobsStorage__blobServiceUri', value: storageEndpoints.blob }
        { name: 'AzureWebJobsStorage__queueServiceUri', value: storageEndpoints.queue }
        { name: 'AzureWebJobsStorage__tableServiceUri', value: storageEndpoints.table }
        { name: 'TABLE_ACCOUNTS', value: join(tableAccounts, ' ') }
        { name: 'NEW_TENANTS_ACCOUNT', value: newTenantsAccount }
        { name: 'KEY_VAULT_URL', value: vaultUri }
        { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insightsConnectionString }
        { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identityClientId};Authorization=AAD' }
        // Statistics about the exporter for Microsoft, and settings that Microsoft changes from afar.
        { name: 'APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL', value: 'true' }
        { name: 'APPLICATIONINSIGHTS_SDKSTATS_DISABLED', value: 'true' }
        { name: 'APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED', value: 'true' }
        // The host passes its trace on, and leaves logs to the app.
        { name: 'PYTHON_ENABLE_OPENTELEMETRY', value: 'true' }
        { name: 'OTEL_TRACES_SAMPLER', value: 'traceidratio' }
        { name: 'SIGN_IN_AUDIENCE', value: signInClientId }
        { name: 'SIGN_IN_OPERATOR_TENANT_ID', value: hasSignIn ? tenant().tenantId : '' }
        { name: 'SIGN_IN_EASY_AUTH', value: hasSignIn ? 'true' : '' }
        // Signs people in with the identity's token in place of a client secret.
        { name: clientAssertion, value: identityClientId }
      ])
    }
  }
}

resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource signIn 'Microsoft.Web/sites/config@2025-03-01' = if (hasSignIn) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true, runtimeVersion: '~1' }
    globalValidation: { requireAuthentication: false, unauthenticatedClientAction: 'AllowAnonymous' }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}common/v2.0'
          clientSecretSettingName: clientAssertion
        }
        validation: { allowedAudiences: [signInClientId] }
      }
    }
    login: { tokenStore: { enabled: false }, preserveUrlFragmentsForLogins: true }
    httpSettings: { requireHttps: true, forwardProxy: { convention: 'NoProxy' } }
  }
}

output name string = app.name
output endpoint string = 'https://${app.properties.defaultHostName}'
