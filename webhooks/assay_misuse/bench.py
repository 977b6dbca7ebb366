"""What a case works with: a registry that lies, a key that is trusted, one that is not, and perhaps control."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from assay_misuse.document import Stored, image, referrer
from assay_misuse.policy import Policy
from assay_misuse.registry import LyingRegistry
from assay_misuse.signatory import Signatory

Answer = Callable[[object], object]
LAX_NAMESPACE, LABELLED_NAMESPACE, OTHER_NAMESPACE = "lax", "labelled", "other"
LAX_LABEL = ("misuse.test/tier", "lax")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A recorded decision, as far as cases look at it."""

    verdict: str
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the webhook says that it is ready, and what it says is not as it should be."""

    ready: bool
    told: tuple[str, ...] = ()


class Control(Protocol):
    """What only the owner of a webhook's process can do to it; every change ends with its block.

    The namespace `LAX_NAMESPACE` and every namespace that is labelled `LAX_LABEL` are judged by the policy
    `LAX_LICENCES`, whatever holds elsewhere; `LABELLED_NAMESPACE` has that label, `NAMESPACE` and `OTHER_NAMESPACE`
    have not, and no other namespace exists. Rollouts of Argo are covered.
    """

    def policy(self, policy: Policy) -> AbstractContextManager[None]:
        """Judge by another policy."""
        ...

    def trust(self, *, release: bool = True, keyless: bool = True) -> AbstractContextManager[None]:
        """Take the trust in the release key away, or break the trust root of keyless evidence."""
        ...

    def engine_answering(self, answer: Answer) -> AbstractContextManager[None]:
        """Put what `answer` makes of the policy engine's answer (or raises) in its place."""
        ...

    def breaking(self, collaborator: str, error: Exception) -> AbstractContextManager[None]:
        """Let a collaborator (`registry`, `policy`, `trust`, `log`, `clock`, `metrics`) raise this."""
        ...

    def pull_secret(self, namespace: str, name: str, user: str) -> AbstractContextManager[None]:
        """Put a pull secret for the registry into a namespace."""
        ...

    def exception(self, subject: Stored, flaw: str) -> AbstractContextManager[None]:
        """Let those who may sign an exception for an image in `NAMESPACE`, with this flaw; none is the empty text."""
        ...

    def keyless(self, subject: Stored, flaw: str) -> Mapping[str, bytes]:
        """All evidence that the policy `KEYLESS` asks for, with this flaw in the signature; none is the empty text."""
        ...

    def restart(self) -> None:
        """Let a new process take over with what is kept outside of processes."""
        ...

    def readiness(self) -> Readiness:
        """What the webhook tells of itself now."""
        ...

    def entries(self) -> Sequence[Entry]:
        """The recorded decisions, oldest first."""
        ...


@dataclass(slots=True, kw_only=True)
class Bench:
    """The parts, and ways to publish images with them.

    `release` is the key that the webhook under test trusts, `stranger` one that it does not know; `elsewhere` is a
    second server that nobody allowed anybody to speak to. Images of two runs differ, because a webhook may remember
    what it saw. Without `control` there is only the webhook's address.
    """

    registry: LyingRegistry
    elsewhere: LyingRegistry
    release: Signatory
    stranger: Signatory
    board: tuple[Signatory, ...] = ()
    control: Control | None = None
    path: str = "misuse/app"
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    _labels: int = field(default=0, init=False)

    def fresh(self, *, architecture: str = "amd64", **members: object) -> Stored:
        """An image that was never seen before; `members` replace or add members of its manifest."""
        self._labels += 1
        return image(f"{self.run} {self.path} {self._labels}", architecture=architecture, **members)

    def signed(self, *, tag: str = "", path: str = "") -> Stored:
        """A fresh image with all evidence that a strict policy asks for."""
        stored = self.publish(self.fresh(), tag=tag, path=path)
        self.attach(stored, self.release.evidence(stored), path=path)
        return stored

    def unsigned(self, *, tag: str = "", path: str = "") -> Stored:
        """A fresh image without evidence."""
        return self.publish(self.fresh(), tag=tag, path=path)

    def publish(self, stored: Stored, *, tag: str = "", path: str = "") -> Stored:
        """Put a manifest into the repository."""
        self.registry.put(path or self.path, stored, tag=tag)
        return stored

    def attach(self, subject: Stored, bundles: Mapping[str, bytes], *, path: str = "") -> None:
        """Attach bundles to an image."""
        for bundle in bundles.values():
            self.registry.put(path or self.path, referrer(subject, bundle))

    def replacing(self, kind: str, make: Callable[[Stored], bytes], *, path: str = "") -> Stored:
        """A fresh image with good evidence, but `make` makes that of one kind (`signature`, `provenance`, `sbom`)."""
        stored = self.publish(self.fresh(), path=path)
        self.attach(stored, {**self.release.evidence(stored), kind: make(stored)}, path=path)
        return stored

    def keeping(self, *kinds: str) -> Stored:
        """A fresh image with good evidence of these kinds and none of the others."""
        stored = self.publish(self.fresh())
        good = self.release.evidence(stored)
        self.attach(stored, {kind: good[kind] for kind in kinds})
        return stored

    def pinned(self, stored: Stored, *, path: str = "") -> str:
        """The name of an image by digest."""
        return f"{self.registry.host}/{path or self.path}@{stored.digest}"

    def tagged(self, tag: str, *, path: str = "") -> str:
        """The name of an image by tag."""
        return f"{self.registry.host}/{path or self.path}:{tag}"

    @property
    def controlled(self) -> Control:
        """The control; a part that says what it needs is played only where there is one."""
        if self.control is None:
            raise LookupError("this part needs control over the webhook's process")
        return self.control
