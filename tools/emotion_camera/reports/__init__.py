"""What the camera reports: the schema, parsing, and putting lines together."""
