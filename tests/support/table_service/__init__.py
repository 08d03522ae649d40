"""A lean in-memory Table service for benchmarks: about 10 microseconds of CPU per row, where Azurite takes 1-2 ms.

Azurite remains the reference: the contract tests of the stores pass on both. On request, this service also enforces
limits that Azurite ignores: the documented sizes, and the documented rows per second of a partition and an account.

Not imitated: authentication (every request is accepted), secondary regions, access policies, `or` and `not` in filters,
requests with a chunked body, and properties of a table other than its name.
"""
