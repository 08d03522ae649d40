"""Writer, patcher, cache and reader of snapshots."""
