"""Reconcile: decides which recipients a location gains, keeps and loses."""
