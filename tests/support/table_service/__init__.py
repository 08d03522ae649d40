"""A lean Table service in memory, for benchmarks: Azurite spends 1-2 ms of CPU on a row, this some 10 microseconds.

Azurite remains the judge of what is correct; the contract tests of the stores hold on both. On demand it enforces what
Azurite does not: the documented sizes, and the documented rows per second of a partition and of an account.

Not imitated: authentication (every request is believed), secondary regions, access policies, `or` and `not` in filters,
requests with a chunked body, and anything of a table but its name.
"""
