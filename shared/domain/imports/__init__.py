"""CSV files: parsing, the decision per row, and the state of imports."""
