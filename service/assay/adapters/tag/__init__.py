"""What immutable tags stood for."""
