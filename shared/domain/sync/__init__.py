"""The run protocol: jobs, queue messages, input fingerprints and outcomes."""
