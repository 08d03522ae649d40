"""The JSON that routes answer, as types: the same types encode the answers and generate the published schema."""
