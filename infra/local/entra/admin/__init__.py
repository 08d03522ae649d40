"""The admin API, with which tests change directories and ask for faults."""
