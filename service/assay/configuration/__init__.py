"""Configuration: bytes to frozen settings, validated once; unknown fields are errors. Pure."""
