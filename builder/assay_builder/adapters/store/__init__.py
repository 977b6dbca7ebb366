"""Files on disk: the store of inputs, and the results of a build."""
