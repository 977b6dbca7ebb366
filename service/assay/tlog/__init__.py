"""The transparency log's formats and arithmetic: Merkle tree, signed notes, checkpoints, proofs, leaves."""
