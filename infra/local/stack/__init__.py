"""The whole stack on one machine: its programs, their processes, ports and certificates."""
