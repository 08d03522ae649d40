param location string
param tags object
param workspaceId string
@description('Rows of alerts.json.')
param alerts array

// A row of alerts.json or figures.json is one item: the query of the alert, before its condition.
var items = map(concat(alerts, loadJsonContent('../figures.json')), row => {
  type: 3
  name: row.summary
  content: {
    version: 'KqlItem/1.0'
    title: row.summary
    query: row.query
    visualization: row.chart
    size: 0
    noDataMessage: 'Nothing in this time.'
    timeContextFromParameter: 'TimeRange'
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
  }
})
var time = {
  type: 9
  name: 'time'
  content: {
    version: 'KqlParameterItem/1.0'
    style: 'pills'
    parameters: [
      {
        id: guid('TimeRange')
        version: 'KqlParameterItem/1.0'
        name: 'TimeRange'
        label: 'Time'
        type: 4
        isRequired: true
        value: { durationMs: 86400000 }
        typeSettings: {
          selectableValues: map([1, 24, 168, 720], hours => { durationMs: hours * 3600000 })
          allowCustom: true
        }
      }
    ]
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'operations')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Recipient Sync'
    category: 'workbook'
    sourceId: workspaceId
    version: 'Notebook/1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([time], items)
      fallbackResourceIds: [workspaceId]
    })
  }
}
