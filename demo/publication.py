"""The chapter of the builder: from spec and lock to a published, running image."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass

from assay.bootstrap.composition import SystemComposition
from assay.domain.deadline import Deadline
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.reference import Reference, Repository
from assay_builder.composition import compose_sandbox
from assay_builder.image.image import Image
from demo.narration import Narrator, expect
from demo.stack import CHECKOUT, Stack

SPEC = CHECKOUT / "examples" / "age" / "assay.yaml"
INPUTS = CHECKOUT / ".tools" / "inputs"
VERSION = "v1.3.2"


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the builder published."""

    repository: Repository
    tag: str
    digest: Digest
    decision: str

    @property
    def tagged(self) -> str:
        """`host/path:tag`, as a Pod would name it."""
        return str(Reference(repository=self.repository, tag=self.tag))


def build_and_publish(stack: Stack, tell: Narrator) -> Published:
    """Run `assay build` as a release job would, each line as it comes, then start the program of the image."""
    repository = Repository(registry=stack.registry.host, path="age")
    layout = stack.folder / "layouts" / "age"
    command = ["build", str(SPEC), "--key", str(stack.folder / "keys" / "cosign.key"), "--layout", str(layout)]
    command += ["--gate", stack.service_url, "--push", repository.name, "--tag", "1.3.2", "--timeout", "60"]
    lines = stream(command, tell)
    result = dict(line.split(maxsplit=1) for line in lines if len(line.split(maxsplit=1)) == 2)
    pushed = Reference.parse(result["pushed"])
    expect(pushed.digest is not None and pushed.repository == repository, "something else was pushed")
    digest = pushed.digest or Digest.of(b"")
    shown = start_program(repository, digest)
    expect(VERSION in shown, f"the image's program did not show its version but {shown!r}")
    tell.proved(f"runs       pulled by digest, unpacked and started without network as user 65532: age {shown}")
    return Published(repository=repository, tag=pushed.tag, digest=digest, decision=result["decision"])


def start_program(repository: Repository, digest: Digest) -> str:
    """Pull the published image and run its program in the sandbox; what it printed."""
    composition = SystemComposition()
    registry = composition.registry(plain_http=(), ca=None)
    deadline = Deadline.after(30, composition.clock().monotonic)
    manifest = registry.resolve(Reference(repository=repository, digest=digest), deadline)
    document = json.loads(manifest.octets)
    config, layer = (
        Content(
            media_type=entry["mediaType"],
            octets=registry.fetch_blob(
                repository,
                Descriptor(media_type=entry["mediaType"], digest=Digest(entry["digest"]), size=entry["size"]),
                deadline,
            ),
            digest=Digest(entry["digest"]),
        )
        for entry in (document["config"], document["layers"][0])
    )
    image = Image(manifest=manifest, config=config, layer=layer)
    completed = compose_sandbox(None).run_image(image, ["--version"])
    return bytes(completed.output + completed.log).decode().strip()


def stream(arguments: list[str], tell: Narrator) -> list[str]:
    """Run the command line and show each line as it is printed."""
    environment = {**os.environ, "ASSAY_KEY_PASSWORD": "", "ASSAY_CACHE": str(INPUTS), "PYTHONUNBUFFERED": "1"}
    lines = []
    with subprocess.Popen(
        [sys.executable, "-m", "assay", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        for line in process.stdout or ():
            tell.proved(line.rstrip())
            lines.append(line.rstrip())
    expect(process.returncode == 0, f"assay {arguments[0]} ended with {process.returncode}")
    return lines
