"""Deterministic simulation: any number of workers, callers and timers, whose every step one seeded scheduler chooses.

A history is repeated exactly by its seed. What the workers share (tables, queues, vault, directories) is in memory,
and follows the rules of the fakes that the contract tests compare with Azurite. Each call to it is an effect: before
it any other actor may take a step, and it may fail in the ways of `faults`.

Not simulated: what runs between two effects of one actor is never interrupted, and threads compute immediately.
"""
