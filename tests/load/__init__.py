"""Load on the local stack, with one process per scale group: `make load`."""
