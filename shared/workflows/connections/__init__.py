"""Connect, validate and open directories."""
