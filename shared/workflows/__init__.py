"""Use cases, one per file. They depend on ports and the domain, not on adapters or triggers."""
