"""One module per schema generation."""
