"""What the operator and the portal look at, and what failed."""
