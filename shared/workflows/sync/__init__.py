"""One sync run, a file per step."""
