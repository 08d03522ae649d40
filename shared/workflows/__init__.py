"""Use cases, one per file. They depend only on ports and the domain, and start each other through jobs."""
