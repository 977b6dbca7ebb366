"""The main job, end to end, on real input: `python -m demo`."""
