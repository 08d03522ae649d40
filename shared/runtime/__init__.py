"""How jobs share a worker process and rows: CPU time, slow directories, large jobs, and optimistic updates."""
