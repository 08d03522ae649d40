"""Steps of a sync run, one per file."""
