"""Making a lock: which inputs a build needs, and proof that they are what the world sees under their names."""
