"""Ports: the Protocols through which workflows use the outside world. Adapters implement them; bootstrap wires them.

All stores use the same verbs. An operation with a meaning in the sync protocol (commit, stage, write, record a result,
save a checkpoint) has its own name.

| verb | effect |
| --- | --- |
| `get` | return a value, or its documented default; raise NotFound where there is neither |
| `find` | return a value, or None |
| `list_*` | return several values, as an async iterator where there can be many |
| `insert` | store a value unless there is one |
| `put` | store a value in place of any other |
| `replace` | store a value if the stored one still has this ETag, and return the new ETag; else raise ETagConflict |
| `delete` | delete a value, if it exists |
| `delete_all` | delete everything of a tenant |
| `purge` | delete what is older than a time, of all tenants |
"""
