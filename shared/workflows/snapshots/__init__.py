"""Writing, patching and reading snapshots."""
