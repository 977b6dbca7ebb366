"""Git, the program, kept away from whatever a repository would have it do."""
