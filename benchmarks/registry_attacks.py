"""Hostile registries: when a verification in a process of its own ends, and what memory it takes on top."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_INDEX, SIGSTORE_BUNDLE
from assay.domain.digest import Digest
from assay.domain.errors import AssayError
from assay.domain.limit import Limits
from assay.domain.reference import Reference
from assay.usecases.verify_image import verify_image
from assay.verification.trust_snapshot import TrustSnapshot
from benchmarks.figure import Figure
from tests.fakes.oci import bundle_referrer, image, index, put_bundle, put_image, rendered
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.signing import FakeAuthority

_SECONDS = 5.0
_MOST_MIB = 64
_GIB = 2**30
_MIB = 2**20
_IMAGE = Digest.of(image())
_REFERRERS = f"/v2/app/referrers/{_IMAGE}"
_BUNDLE = b"a bundle"
_HONEST, _ATTACKED = "honest", "app"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What goes wrong at which path, and the bundle that the image's referrer claims to have."""

    faults: Mapping[str, Fault]
    layer: Mapping[str, object] | None = None


def _attacks() -> Mapping[str, Attack]:
    blob = f"/v2/app/blobs/{Digest.of(_BUNDLE)}"
    huge = rendered(SIGSTORE_BUNDLE, _BUNDLE) | {"size": _GIB}
    entries = [rendered(OCI_INDEX, b"%d" % number, artifactType=SIGSTORE_BUNDLE) for number in range(10_000)]
    return {
        "10,000 referrers": Attack(faults={_REFERRERS: Fault(octets=index(*entries))}),
        "1 GB attachment": Attack(faults={}, layer=huge),
        "1 GB instead of 8 bytes": Attack(faults={blob: Fault(octets=b"x" * _MIB, repeat=1024)}),
        "1 GB manifest": Attack(faults={_REFERRERS: Fault(octets=b" " * _MIB, repeat=1024)}),
        "endless pages": Attack(faults={_REFERRERS: Fault(endless_pages=True)}),
        "slow list": Attack(faults={_REFERRERS: Fault(seconds_per_octet=0.05)}),
        "slow head": Attack(faults={_REFERRERS: Fault(seconds_per_head_octet=0.05)}),
        "slow bundle": Attack(faults={blob: Fault(seconds_per_octet=2)}),
    }


def measure() -> Iterator[Figure]:
    """Seconds and extra memory of each attack; void when an attack passes unnoticed."""
    for name, attack in _attacks().items():
        with FakeRegistry.start() as registry:
            for path in (_HONEST, _ATTACKED):
                put_image(registry, path)
                put_bundle(registry, path, image(), _BUNDLE)
            if attack.layer is not None:
                registry.put_manifest(_ATTACKED, bundle_referrer(image(), _BUNDLE, layers=[attack.layer]))
            registry.faults.update(attack.faults)
            seconds, mebibytes = _suffer(registry.host)
        yield Figure(name=f"registry, {name}: ends after", value=seconds, unit="s", goal=_SECONDS * 1.1)
        yield Figure(name=f"registry, {name}: memory", value=mebibytes, unit="MiB", goal=_MOST_MIB)


def _suffer(host: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.registry_attacks", host]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    if not answer["noticed"]:
        raise RuntimeError("the figures are void: the attack was not noticed")
    return answer["seconds"], answer["mebibytes"]


def _verify(client: RegistryClient, host: str, path: str) -> bool:
    """Whether everything beside the image was collected without a complaint that is not about its one bundle."""
    reference = Reference.parse(f"{host}/{path}:v1")
    deadline = Deadline.after(_SECONDS, time.monotonic)
    try:
        verified = verify_image(client, reference, TrustSnapshot.of([FakeAuthority().authority], {}), deadline)
    except AssayError:
        return False
    codes = {item.code for item in verified.rejected} | {gap.code for gap in verified.gaps}
    return codes <= {"bundle_malformed", "all_rejected"}


def _child(host: str) -> None:
    """Verify an honest image first, so that only the attack counts, then the attacked one."""
    client = RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())
    if not _verify(client, host, _HONEST):
        raise RuntimeError("the honest image was not verified")
    before = peak_mebibytes()
    began = time.monotonic()
    unnoticed = _verify(client, host, _ATTACKED)
    seconds = time.monotonic() - began
    extra = peak_mebibytes() - before
    print(json.dumps({"seconds": seconds, "mebibytes": extra, "noticed": not unnoticed}))


def peak_mebibytes() -> float:
    """The most memory this program ever held; `getrusage` would count what the parent held before it started us."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    _child(sys.argv[1])
