"""Assay: verifies what a container image is made of, decides by policy and records every decision."""
