"""What the simulator knows: directories, tokens, faults and limits."""
