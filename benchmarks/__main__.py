"""Run benchmarks and print a line for each figure."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import admission, decision_log, gate, registry, review, verification
from benchmarks.figure import Figure

BENCHMARKS: dict[str, Callable[[], Iterator[Figure]]] = {
    "admission": admission.measure,
    "gate": gate.measure,
    "log": decision_log.measure,
    "verification": verification.measure,
    "registry": registry.measure,
    "review": review.measure,
}


def main() -> int:
    """Run the named benchmarks, or all; 1 when a figure misses its goal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="admission with a tenth of the reviews: a look, no verdict"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}")
    chosen = BENCHMARKS | {"admission": partial(admission.measure, quick=arguments.quick)}
    figures = []
    for name in arguments.names or BENCHMARKS:
        for figure in chosen[name]():
            figures.append(figure)
            if not arguments.json:
                print(figure, flush=True)
    if arguments.json:
        print(json.dumps([figure.as_document() for figure in figures]))
    return int(any(figure.judgement == "misses" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
