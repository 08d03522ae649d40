"""Mutation testing: one-line defects are planted one at a time; a test or the simulation must find each."""
