"""The stages of a build; each takes the result of the one before, so none can be skipped."""
