"""CPU time of the whole process of `assay verify-bundle`: start, imports, trust, one bundle."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from benchmarks.contest import LAYOUTS
from benchmarks.figure import Figure
from tests.fakes.vectors import ASSETS, signer

_RUNS = 7
_SECONDS = 0.35


def measure() -> Iterator[Figure]:
    """The median of a few runs, for a key and for an identity under the public-good trust root."""
    keyless = ASSETS / "sigstore-python" / "bundle_v3_github.whl.sigstore"
    holder = signer(keyless.read_bytes())
    for name, arguments in (
        (
            "keyed",
            [
                f"--bundle={LAYOUTS / 'blob' / 'key.sigstore.json'}",
                f"--key={LAYOUTS / 'keys' / 'a.pub'}",
                str(LAYOUTS / "blob" / "blob.txt"),
            ],
        ),
        (
            "keyless",
            [
                f"--bundle={keyless}",
                f"--identity={holder.san}",
                f"--issuer={holder.issuer}",
                str(keyless.with_suffix("")),
            ],
        ),
    ):
        seconds = median(_run(arguments) for _ in range(_RUNS))
        yield Figure(name=f"verify-bundle, {name}: CPU of the process", value=seconds, unit="s", goal=_SECONDS)


def _run(arguments: list[str]) -> float:
    begun = _children()
    subprocess.run([sys.executable, "-m", "assay", "verify-bundle", *arguments], check=True, capture_output=True)
    return _children() - begun


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
