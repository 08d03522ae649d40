"""What the operator sees of failures."""
