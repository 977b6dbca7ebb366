"""One target under libFuzzer, which keeps what reaches new code: `python -m tests.fuzz.guide TARGET [OPTION] FOLDER`.

Needs atheris (`./setup fuzz`). Half of the changes are made in the structure of the input, half are libFuzzer's own.
"""

import random
import sys

import atheris

with atheris.instrument_imports(include=["assay"]):
    from tests.fuzz.target import TARGETS

from tests.fuzz.structure import change


def main(name: str, options: list[str]) -> None:
    """Fuzz until an option says stop, or until the target fails: then the process ends with an error."""
    target = TARGETS[name]

    def mutate(octets: bytes, most: int, seed: int) -> bytes:
        source = random.Random(seed)  # noqa: S311  # libFuzzer's seed decides
        if source.random() < 0.5:
            return change(octets, target.form, source)[:most]
        mutated: bytes = atheris.Mutate(octets, most)
        return mutated

    atheris.Setup([sys.argv[0], *options], target, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
