"""Writing recipients under a fence, manual changes, undo and explanations."""
