"""What an image is made of: one graph, rendered as SBOMs and provenance. Pure."""
