"""A local stand-in for the Microsoft login service and Microsoft Graph, close enough to test a client against.

    python -m infra.local.entra --login-port 23441 --graph-port 23442 --admin-port 23444 --cert FILE --key FILE

It listens on 127.0.0.1 only. `--scale 0.01` creates fewer users. In tests: `async with server.EntraSimulator(...)`.

What it imitates
    Login: client credentials with a secret, a certificate or a federated assertion; discovery; admin consent; RS256
    tokens; errors by AADSTS number, both those that follow from state (`login`, `assertions`) and requested ones.
    Graph v1.0: users, groups, members, transitive members, delta queries, batches, `checkMemberGroups`, `getByIds`,
    service principals, applications, organization (`routes` has the list); permissions; paging; throttling.
    A managed identity, for the resources of the operator.

What it does not imitate
    - Replication delays: a change is visible immediately, except for `delta_lag_s`.
    - Early revocation of tokens of a disabled application. As in the real service, its tokens stay valid.
    - Access tokens expire by the clock of the machine instead of the simulated clock, because clients use the former.
    - `User.ReadBasic.All`: it can be granted, but permits nothing. A wrong method is 400, not 405.
    - `$expand` other than `manager($select=id)` of users, `$skip`, lambda filters, `$orderby` other than `displayName`,
      sorted members, writing. Groups have no owners, and users have no sign-in activity.
    - The signature of a federated assertion; Conditional Access, national clouds and outages, except on request.
    - gzip; regional differences; quotas other than resource units per application and tenant (no per-tenant sum),
      which are counted in fixed windows that begin with their first request; Graph does not document its windows.
    - The response for a hidden membership is not documented (403 or an empty list): `hidden_membership` selects it.

Admin API: plain http and JSON on the admin port; invalid requests return 400 or 404 and `{"error": sentence}`
    GET    /admin                                   the three addresses
    GET    /admin/directories                       all directories: ids, secrets, groups, number of users
    POST   /admin/directories                       {"name": "big", "users": 100000, "groups": 20, "seed": "1",
                                                     "biggest_group": 0.5, "shares": {"guests": 0.05}};
                                                    "group_size": 500 makes all groups equally large, without nesting
    GET, DELETE /admin/directories/{name}           one of them; `{name}` may be a tenant id
    POST   .../{name}/roles                         {"grant": ["Application.Read.All"], "revoke": ["User.Read.All"]}
    PATCH  .../{name}/application                   {"enabled": false, "consented": false, "requested_roles": [...],
                                                     "multi_tenant": true,
                                                     "assign_users": [id], "assign_groups": [id]}  (the last two: SSO)
    POST   .../{name}/secrets                       {"valid_days": 30} -> the new secret
    POST   .../{name}/secrets/{key id or all}/expire
    DELETE .../{name}/secrets/{key id or all}
    POST   .../{name}/credentials                   {"certificate_pem": "..."} or {"issuer", "subject", "audience"}
    GET    .../{name}/users?from=0&count=100        users with every property
    POST   .../{name}/users                         {"displayName": "Ada", "mail": null, ...}: all are optional
    PATCH  .../{name}/users/{id or upn}             {"accountEnabled": false, "department": null}
    DELETE .../{name}/users/{id}[?permanent=true]   and POST .../users/{id}/restore
    POST   .../{name}/groups                        {"displayName": "New", "visibility": null, "members": [id]}
    PATCH  .../{name}/groups/{id}                   {"displayName": "Renamed"}
    DELETE .../{name}/groups/{id}[?permanent=true]  and POST .../groups/{id}/restore
    GET    .../{name}/groups/{id}/members[?transitive=true]    all members: {"users": [id], "groups": [id]}
    POST   .../{name}/groups/{id}/members           {"add": [id], "remove": [id]}: users, or groups to nest
    GET, POST /admin/clock                          {"advance_s": 691200}: secrets, delta and page tokens age
    GET, PATCH /admin/settings                      {"throttling": false, "latency_ms": 80}; `settings` lists all
    GET, POST, DELETE /admin/faults, DELETE /admin/faults/{id}
                                                    {"path": "^/users", "nth": 2, "count": 1, "directory": "contoso",
                                                     "action": {"type": "throttled", "retry_after_s": 2}};
                                                    "in_batch": true applies only to parts of a `$batch`
                                                    {"where": "login", "application": id, "count": 0,
                                                     "action": {"type": "aadsts", "code": 53003}}; see `fault_actions`
    POST   /admin/tokens/revoke                     Graph answers 401 to all tokens issued so far
    GET, DELETE /admin/metrics                      requests by kind, directory and status; the number of 429
                                                    responses, and of requests sent during a `Retry-After` time
    POST   /admin/reset                             restore the initial state; the addresses and signing key stay
    GET    /identity?resource=...&api-version=...   the managed identity: IDENTITY_ENDPOINT is {admin}/identity
"""
