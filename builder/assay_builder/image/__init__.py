"""The image: root file system, layer, configuration and manifest, the same bytes for the same input. Pure."""
