"""Schema changes of the decision log, run by the sequencer at start."""
