"""What things cost, in processes of their own."""
