"""The rehearsal of a deployment on this machine: `python -m infra.rehearsal`, or `make rehearse`.

The unpacked package runs under the local host with exactly the app settings of a snapshot. What only Azure knows is
replaced by the addresses of stand-ins. Gateways in front of storage, Key Vault and Application Insights let through
only the operations of the roles that the snapshot assigns, and refuse to create tables and queues that it lacks. Then
the demo tenants are synced end to end.

What it does not show: the Functions host of Azure and its own telemetry, the network, sign-in, and how fast roles have
effect.
"""
