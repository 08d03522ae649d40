param location string
param tags object
param workspaceId string
param actionGroupId string
@description('Rows of alerts.json.')
param alerts array
@description('Window of the alerts that have none: two periods of SYNC_SCHEDULE.')
param twoPeriods string

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in alerts: {
    name: alert.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: alert.summary
      description: 'What to do: ${alert.runbook}'
      severity: alert.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: alert.every
      windowSize: alert.?window ?? twoPeriods
      criteria: {
        allOf: [
          {
            query: contains(alert, 'when') ? '${alert.query} | ${alert.when}' : alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: true
      // A new workspace has no tables yet, and the query would be refused.
      skipQueryValidation: true
      actions: { actionGroups: [actionGroupId] }
    }
  }
]
