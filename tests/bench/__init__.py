"""Benchmarks. Each runs in its own process."""
