"""How jobs share one worker process: CPU time, slow directories, and places for large jobs."""
