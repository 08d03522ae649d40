"""State of the simulator: directories, tokens, faults and limits. It imports neither login, graph nor admin."""
