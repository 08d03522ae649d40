"""Traces of the local stack: `make traces` lists them, `make traces ARGS=RUN` prints the traces of a run as trees."""
