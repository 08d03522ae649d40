"""The admin API, with which tests change directories and request faults."""
