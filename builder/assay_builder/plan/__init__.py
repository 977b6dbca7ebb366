"""What is to be built, from what: specification and lock become a plan. Pure."""
