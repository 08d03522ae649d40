"""What customers cost, and how far the design carries."""
