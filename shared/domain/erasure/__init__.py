"""Erasure of one person: who it is, and stored values without this person."""
