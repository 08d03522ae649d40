"""Azure's side: the Bicep files, the snapshots of two environments, and what reads them.

`main.bicep` describes a deployment; `azure.yaml` tells azd to deploy it. Each list is one JSON file that the Bicep
files load: queues, tables, role ids, app settings, alerts. A snapshot is what Microsoft's compiler says that Azure
would create, with final names, for the parameters of an environment. Tests read the snapshots, and so does the
rehearsal.
"""
