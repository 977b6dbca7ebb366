"""Pushing and pulling 200 MB in 20 layers, beside `crane` at the same registry in the same run."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from assay.adapters.registry.access import RegistryAccess
from assay.adapters.registry.client import RegistryClient
from assay.domain.deadline import Deadline
from assay.domain.descriptor import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST, Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.limit import Limits
from assay.domain.reference import Reference, Repository
from assay.formats.manifest import parse_image_manifest
from benchmarks.figure import Figure
from tests.fakes.oci import LayoutFolder, rendered
from tests.fixtures.registries import olareg

_CRANE = Path(__file__).parents[1] / ".tools" / "bin" / "crane"
_LAYERS, _LAYER_OCTETS = 20, 10_000_000
_MEMORY = "/dev/shm"  # noqa: S108  # where Linux keeps files in memory; the folder below it is our own
_PARALLEL, _ROUNDS = 4, 8
_SECONDS = 120.0
_GOAL = 1.2


def measure() -> Iterator[Figure]:
    """Medians of eight rounds and their ratio; void unless the pulled bytes have their digests.

    Each round has a fresh registry, and registry and files are kept in memory: a disk would measure itself. What is
    pushed has its digests already, as `assay build` has them and as `crane` reads them from the layout; what is pulled
    is checked. The best of eight is there for machines that do something else meanwhile.
    """
    if not _CRANE.exists():
        raise RuntimeError("crane is not installed: run `./setup test`")
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(dir=_MEMORY) as scratch:
        layout = _write_layout(Path(scratch) / "image")
        contents = _read_contents(layout)
        for number in range(_ROUNDS):
            with (
                tempfile.TemporaryDirectory(dir=_MEMORY) as folder,
                olareg(Path(folder), "--store-type", "mem") as host,
            ):
                _run_round(
                    _Round(host=host, layout=layout, contents=contents, folder=Path(folder)),
                    times,
                    ours_first=number % 2 == 0,
                )
    for name in ("push", "pull"):
        ours, cranes = times[name], times[f"crane {name}"]
        label = f"registry, {name} of 200 MB"
        yield Figure(name=label, value=median(ours), unit="s")
        yield Figure(name=f"{label}: crane", value=median(cranes), unit="s")
        yield Figure(name=f"{label}: ratio", value=median(ours) / median(cranes), unit="", goal=_GOAL)
        yield Figure(name=f"{label}: ratio of the best", value=min(ours) / min(cranes), unit="")


def _run_round(turn: "_Round", times: dict[str, list[float]], *, ours_first: bool) -> None:
    """Push twice, pull twice; who begins changes with every round."""
    actions = {"push": turn.push, "crane push": turn.crane_push, "pull": turn.pull, "crane pull": turn.crane_pull}
    order = ("push", "crane push", "pull", "crane pull")
    for name in order if ours_first else ("crane push", "push", "crane pull", "pull"):
        began = time.perf_counter()
        actions[name]()
        times.setdefault(name, []).append(time.perf_counter() - began)


def _write_layout(folder: Path) -> Path:
    layout = LayoutFolder(folder=folder)
    blobs = [os.urandom(_LAYER_OCTETS) for _ in range(_LAYERS)]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [Digest.of(blob).text for blob in blobs]},
        }
    ).encode()
    for blob in (*blobs, config):
        layout.put_blob("", blob)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": rendered(OCI_CONFIG, config),
        "layers": [rendered(OCI_LAYER_GZIP, blob) for blob in blobs],
    }
    layout.put_manifest("", json.dumps(manifest).encode())
    return folder


def _read_contents(layout: Path) -> Sequence[Content]:
    """What is pushed: everything but the manifest, each with its digest."""
    index = json.loads((layout / "index.json").read_bytes())["manifests"]
    manifests = {Digest(entry["digest"]).hex for entry in index}
    files = [file for file in (layout / "blobs" / "sha256").iterdir() if file.name not in manifests]
    return [
        Content(media_type=OCI_LAYER_GZIP, octets=file.read_bytes(), digest=Digest.from_hex(file.name))
        for file in files
    ]


class _Round:
    """Pushes and pulls at one registry, each client in a repository of its own."""

    def __init__(self, *, host: str, layout: Path, contents: Sequence[Content], folder: Path) -> None:
        self._host = host
        self._layout = layout
        self._folder = folder
        self._contents = contents
        self._blobs = layout / "blobs" / "sha256"
        self._manifest = Digest(json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"])

    def push(self) -> None:
        """Push four layers at a time, and the manifest last."""
        client, deadline = self._client(), Deadline.after(_SECONDS, time.monotonic)
        repository = Repository(registry=self._host, path="ours")
        manifest = (self._blobs / self._manifest.hex).read_bytes()
        with ThreadPoolExecutor(_PARALLEL) as pool:
            for _ in pool.map(lambda content: client.push_blob(repository, content, deadline), self._contents):
                pass
        client.push_manifest(repository, manifest, OCI_MANIFEST, deadline, tag="v1")
        client.close()

    def pull(self) -> None:
        """Fetch everything, each blob checked, and write it to files."""
        client, deadline = self._client(), Deadline.after(_SECONDS, time.monotonic)
        repository = Repository(registry=self._host, path="ours")
        target = self._folder / "ours"
        target.mkdir()
        content = client.resolve(Reference(repository=repository, tag="v1"), deadline)
        parsed = parse_image_manifest(content, what="the image", limits=Limits())

        def fetch(descriptor: Descriptor) -> None:
            (target / descriptor.digest.hex).write_bytes(client.fetch_blob(repository, descriptor, deadline))

        with ThreadPoolExecutor(_PARALLEL) as pool:
            fetched = len(list(pool.map(fetch, (parsed.config, *parsed.layers))))
        client.close()
        if fetched != _LAYERS + 1 or content.digest != self._manifest:
            raise RuntimeError("the figure is void: something else was pulled")

    def crane_push(self) -> None:
        """`crane push` of the same layout."""
        self._crane("push", str(self._layout), f"{self._host}/crane:v1")

    def crane_pull(self) -> None:
        """`crane pull` into a layout."""
        self._crane("pull", "--format=oci", f"{self._host}/crane:v1", str(self._folder / "crane"))

    def _crane(self, *arguments: str) -> None:
        subprocess.run([_CRANE, *arguments], check=True, capture_output=True, timeout=_SECONDS)

    def _client(self) -> RegistryClient:
        return RegistryClient(access=RegistryAccess(plain_http_on_loopback=True), limits=Limits())
