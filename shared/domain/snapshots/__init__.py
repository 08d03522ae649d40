"""What was read of a source, and the proof that it is complete."""
