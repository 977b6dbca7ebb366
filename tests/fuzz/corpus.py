"""The corpus: for each target a text of base64 lines, each an input that reaches what no other one reaches."""

import base64
from collections.abc import Callable, Iterable
from pathlib import Path

import coverage

FOLDER = Path(__file__).parent / "corpus"
LARGEST = 24_000
"""Inputs above this many bytes are not kept: what they reach, smaller ones reach too."""

Arc = tuple[str, int, int]


def read_corpus(name: str) -> list[bytes]:
    """The inputs kept for a target."""
    return [base64.b64decode(line) for line in (FOLDER / f"{name}.txt").read_text(encoding="ascii").split()]


def write_corpus(name: str, inputs: Iterable[bytes]) -> None:
    """Keep these inputs for a target, in an order that depends on nothing else."""
    lines = [base64.b64encode(octets).decode("ascii") for octets in sorted(inputs, key=lambda each: (len(each), each))]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def reduce_corpus(target: Callable[[bytes], None], inputs: Iterable[bytes]) -> list[bytes]:
    """Those inputs that reach a jump in the code which no smaller one reaches."""
    ordered = sorted({each for each in inputs if len(each) <= LARGEST}, key=lambda each: (len(each), each))
    for octets in ordered:
        target(octets)  # what is computed once for all inputs is no merit of the first one
    kept, reached = [], set[Arc]()
    for octets in ordered:
        new = _reach(target, octets) - reached
        if new:
            kept.append(octets)
            reached |= new
    return kept


def _reach(target: Callable[[bytes], None], octets: bytes) -> set[Arc]:
    tracer = coverage.Coverage(data_file=None, branch=True, include=["*/assay/*"], config_file=False)
    tracer.set_option("run:core", "ctrace")  # the one that also works inside a measured run
    with tracer.collect():
        target(octets)
    data = tracer.get_data()
    return {(file, *arc) for file in data.measured_files() for arc in data.arcs(file) or ()}
