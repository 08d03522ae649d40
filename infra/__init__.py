"""Packaging, capacity planning and the local stack. The product never imports any of it."""
