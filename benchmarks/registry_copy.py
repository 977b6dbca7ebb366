"""Copying a layer of 1 GiB between registries, in a process of its own: how long, and with what memory on top."""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_LAYER_GZIP, Descriptor
from assay.domain.digest import Digest
from assay.domain.limit import Limits
from assay.domain.reference import Repository
from benchmarks.figure import Figure
from benchmarks.registry_attacks import peak_mebibytes
from tests.fakes.registry import FakeRegistry, Fault
from tests.fixtures.registries import olareg

_MIB = 2**20
_TIMES = 1024
_SECONDS = 300.0
_MOST_MIB = 64


def measure() -> Iterator[Figure]:
    """Seconds and extra memory; void unless the target has the layer, which it checks itself."""
    piece = bytes(range(256)) * (_MIB // 256)
    whole = hashlib.sha256()
    for _ in range(_TIMES):
        whole.update(piece)
    digest = Digest.from_hex(whole.hexdigest())
    with FakeRegistry.start() as source, tempfile.TemporaryDirectory() as folder, olareg(Path(folder)) as target:
        source.put_blob("app", piece)
        source.shelf("app").blobs[digest.text] = b""
        source.faults[f"/v2/app/blobs/{digest}"] = Fault(octets=piece, repeat=_TIMES)
        command = [sys.executable, "-m", "benchmarks.registry_copy", source.host, target, digest.text]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=2 * _SECONDS).stdout)
    yield Figure(name="registry, copy of a layer of 1 GiB", value=answer["seconds"], unit="s")
    yield Figure(
        name="registry, copy of a layer of 1 GiB: memory", value=answer["mebibytes"], unit="MiB", goal=_MOST_MIB
    )


def _child(source: str, target: str, digest: str) -> None:
    """Copy a small blob first, so that only the large one counts."""
    access = RegistryAccess(plain_http_on_loopback=True)
    client, deadline = (
        RegistryClient(access=access, limits=Limits(blob_octets=2**31)),
        Deadline.after(_SECONDS, time.monotonic),
    )
    origin, destination = Repository(registry=source, path="app"), Repository(registry=target, path="copy")
    small = client.push_blob(origin, b"small", deadline)
    client.copy_blob(origin, small, destination, deadline)
    before = peak_mebibytes()
    began = time.monotonic()
    layer = Descriptor(media_type=OCI_LAYER_GZIP, digest=Digest(digest), size=_TIMES * _MIB)
    client.copy_blob(origin, layer, destination, deadline)
    seconds = time.monotonic() - began
    print(json.dumps({"seconds": seconds, "mebibytes": peak_mebibytes() - before}))


if __name__ == "__main__":
    _child(*sys.argv[1:])
