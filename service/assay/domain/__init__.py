"""The language of the project: frozen values without I/O, standard library only."""
