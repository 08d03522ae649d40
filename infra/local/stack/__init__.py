"""The local stack on one machine: its programs, processes, ports and certificates."""
