"""Store, validate, open and monitor connections to directories."""
