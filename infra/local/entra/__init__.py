"""The login service and Microsoft Graph on a laptop, honest enough to be worth testing against.

    python -m infra.local.entra --login-port 23441 --graph-port 23442 --admin-port 23444 --cert FILE --key FILE

listens on 127.0.0.1 only; `--scale 0.01` makes do with fewer users. In tests: `async with server.EntraSimulator(...)`.

What it imitates
    Login: client credentials with a secret, a certificate or a federated assertion; discovery; admin consent; RS256
    tokens; refusals by AADSTS number, those that follow from state (`login`, `assertions`) and those asked for.
    Graph v1.0: users, groups, members, transitive members, delta queries, batches, `checkMemberGroups`, `getByIds`,
    service principals, applications, organization (`routes` has the list); permissions; paging; throttling.
    A managed identity, for resources of the operator.

What it does not imitate
    - Delays of replication: a change is seen at once, except for `delta_lag_s`.
    - Tokens of an application that was disabled live on, as in the real service, but without its earlier revocations.
    - Access tokens expire by the machine's clock, not by the simulator's, because clients go by the former.
    - `User.ReadBasic.All`: it can be granted, but opens nothing. A wrong method is 400, not 405.
    - `$expand` other than `manager($select=id)` of users, `$skip`, lambda filters, `$orderby` other than `displayName`,
      sorted members, writing. Groups have no owners, and nobody has ever signed in.
    - The signature of a federated assertion; Conditional Access, national clouds and outages other than on request.
    - gzip; regional differences; quotas other than resource units per application and tenant (no per-tenant sum),
      which are counted in fixed windows that begin with their first request; Graph does not say when its own begin.
    - Whether Graph hides a hidden membership by 403 or by an empty list is not documented: `hidden_membership` decides.

Admin API: plain http and JSON on the admin port; mistakes are answered with 400 or 404 and `{"error": sentence}`
    GET    /admin                                   the three addresses
    GET    /admin/directories                       all directories: ids, secrets, groups, number of users
    POST   /admin/directories                       {"name": "big", "users": 100000, "groups": 20, "seed": "1",
                                                     "biggest_group": 0.5, "shares": {"guests": 0.05}};
                                                    "group_size": 500 makes all groups alike, none within another
    GET, DELETE /admin/directories/{name}           one of them; `{name}` may be a tenant id
    POST   .../{name}/roles                         {"grant": ["Application.Read.All"], "revoke": ["User.Read.All"]}
    PATCH  .../{name}/application                   {"enabled": false, "consented": false, "requested_roles": [...],
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
    GET    .../{name}/groups/{id}/members[?transitive=true]    the truth: {"users": [id], "groups": [id]}
    POST   .../{name}/groups/{id}/members           {"add": [id], "remove": [id]}: users, or groups to nest
    GET, POST /admin/clock                          {"advance_s": 691200}: secrets, delta and page tokens age
    GET, PATCH /admin/settings                      {"throttling": false, "latency_ms": 80}; all of them in `settings`
    GET, POST, DELETE /admin/faults, DELETE /admin/faults/{id}
                                                    {"path": "^/users", "nth": 2, "count": 1, "directory": "contoso",
                                                     "action": {"type": "throttled", "retry_after_s": 2}};
                                                    "in_batch": true leaves alone what is no part of a `$batch`
                                                    {"where": "login", "application": id, "count": 0,
                                                     "action": {"type": "aadsts", "code": 53003}}; see `fault_actions`
    POST   /admin/tokens/revoke                     Graph answers 401 to all tokens issued so far
    GET, DELETE /admin/metrics                      requests by kind, directory and status; how many were refused by
                                                    429, and how many came while their sender was told to wait
    POST   /admin/reset                             everything as at start; the addresses and signing key stay
    GET    /identity?resource=...&api-version=...   the managed identity: IDENTITY_ENDPOINT is {admin}/identity
"""
