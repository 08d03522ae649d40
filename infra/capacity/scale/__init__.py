"""Scalability: lower bounds from documented limits, and a simulation that must never be faster than they are."""
