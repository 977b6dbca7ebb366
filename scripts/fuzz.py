"""Fuzz every entrance for untrusted bytes, guided by the code that is reached: `python -m scripts.fuzz [TARGET ...]`.

Starts from the corpus in `tests/fuzz/corpus` and works below `.state/fuzz`. An input that makes a target fail is left
there and named; `--keep` writes the inputs that reach more than before into the corpus.
"""

import argparse
import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.corpus import LARGEST, read_corpus, reduce_corpus, write_corpus
from tests.fuzz.target import TARGETS

ROOT = Path(__file__).resolve().parent.parent


def fuzz(name: str, *, seconds: int, seed: int) -> tuple[Path, bool]:
    """Fuzz one target for a time; the folder of its inputs, and whether nothing failed."""
    folder = ROOT / ".state" / "fuzz" / name
    folder.mkdir(parents=True, exist_ok=True)
    for octets in (*read_corpus(name), *TARGETS[name].seeds()):
        (folder / hashlib.sha256(octets).hexdigest()).write_bytes(octets)
    command = [
        *(sys.executable, "-m", "tests.fuzz.guide", name),
        *(
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-max_len={LARGEST}",
            "-timeout=20",
            "-verbosity=0",
            "-print_final_stats=1",
        ),
        *(f"-artifact_prefix={folder.parent}/{name}-failed-", str(folder)),
    ]
    return folder, subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def main(arguments: Sequence[str]) -> int:
    """Fuzz what was asked for and return the exit status: 0 when nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="write what reaches more into the corpus")
    options = parser.parse_args(arguments)
    failed = []
    for name in options.targets or TARGETS:
        print(f"== {name}", flush=True)
        folder, passed = fuzz(name, seconds=options.seconds, seed=options.seed)
        if not passed:
            failed.append(name)
        elif options.keep:
            kept = reduce_corpus(TARGETS[name], (file.read_bytes() for file in folder.iterdir()))
            write_corpus(name, kept)
            print(f"== {name}: {len(kept)} inputs kept, {sum(map(len, kept))} bytes", flush=True)
    print(f"== failed: {', '.join(failed)}" if failed else "== nothing failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
