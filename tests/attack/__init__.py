"""Attack: bad inputs at each route and queue, which must be refused and must change nothing."""
