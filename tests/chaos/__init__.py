"""Faults on the real local stack: `make chaos`."""
