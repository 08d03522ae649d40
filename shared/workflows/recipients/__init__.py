"""Fenced writer of recipients, manual changes, undo and explanations."""
