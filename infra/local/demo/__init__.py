"""The demo: syncs three sample directories through the API, triggers and queues of the local stack."""
