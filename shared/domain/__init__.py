"""The rules, pure: values in, values out. No I/O, clock, randomness, logging or SDK."""
