"""Types of the JSON that routes return. They encode the responses and generate the published schema."""
