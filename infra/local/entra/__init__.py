"""A local stand-in for the Microsoft login service and Microsoft Graph, close enough to test a client against.

    python -m infra.local.entra --login-port 23441 --graph-port 23442 --admin-port 23444 --cert FILE --key FILE

It listens on 127.0.0.1 only. `--scale 0.01` creates fewer users. In tests: `async with server.EntraSimulator(...)`.

What it imitates, and what it does not: docs/reference/directory-simulator.md has a table with a row for each route.

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
    POST   .../{name}/secrets                       {"valid_days": 30} -> the new secret; null: it never expires
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
