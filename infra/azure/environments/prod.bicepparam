using '../main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param operatorMail = 'operator@example.com'
param budgetStart = '2026-12-01'
param monthlyBudget = 1000
param signInClientId = '11111111-1111-1111-1111-111111111111'
param tableAccounts = 'two'
param newTenantsAccount = 'two'
param storageRedundancy = 'Standard_GZRS'
param zoneRedundant = true
param updateStrategy = 'RollingUpdate'
param vnetEnabled = true
param availabilityTest = true
