"""The demo: three directories become recipients through the real API, triggers and queues of the local stack."""
