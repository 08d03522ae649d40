"""How far the design carries: lower bounds from documented limits, and a simulation that must not beat them."""
