"""Run a program that can reach nothing but loopback: `python -m scripts.confined COMMAND ...`.

The program and all its children live in a network namespace whose only interface is `lo`; files, processes and user
stay as they are, and bubblewrap still works inside, so the builder's own sandbox is tested for real.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence

# tests/conftest.py reads it and refuses to begin when the promise does not hold.
PROMISE = "ASSAY_TEST_NETWORK"


def confined(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` confined to loopback."""
    bwrap = shutil.which("bwrap") or "bwrap"
    options = ["--dev-bind", "/", "/", "--unshare-net", "--die-with-parent", "--setenv", PROMISE, "loopback"]
    return [bwrap, *options, "--", *command]


def main(command: Sequence[str]) -> int:
    """Run the program confined and return its exit status."""
    if not command:
        print("usage: python -m scripts.confined COMMAND ...", file=sys.stderr)
        return 2
    try:
        return subprocess.run(confined(command), check=False).returncode
    except FileNotFoundError:
        print("confined: bubblewrap is not installed; run ./setup", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
