using '../main.bicep'

param environmentName = 'dev'
param location = 'westeurope'
param operatorMail = 'operator@example.com'
param budgetStart = '2026-12-01'
param lockStorage = false
param purgeProtection = false
