"""What the workflows need from outside, as Protocols only. Adapters implement them; bootstrap wires them."""
