"""The question an admission review asks, and the answer to it."""

from dataclasses import dataclass

from assay.domain.decision import Finding, Verdict
from assay.domain.digest import Digest
from assay.domain.reference import Reference

LARGEST_REVIEW = 8 * 1024 * 1024
"""How many bytes a review may have: the API server takes bodies up to 3 MiB, and an UPDATE carries two objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """What a PodSpec asks of its node; what holds for one container holds here.

    `host_namespaces` are those of `ipc`, `network` and `pid` that are shared. `privileged` is a privileged container or
    a Windows host process. `root` is a container that nothing keeps from running as root, `escalation` one that may
    gain privileges. `capabilities` are those added to the default ones, in upper case without `CAP_`. `seccomp` are
    the types of the profiles in effect, the empty text where there is none. All lists are sorted and distinct.
    """

    host_namespaces: tuple[str, ...] = ()
    host_path: bool = False
    privileged: bool = False
    root: bool = False
    escalation: bool = False
    capabilities: tuple[str, ...] = ()
    seccomp: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for words in (self.host_namespaces, self.capabilities, self.seccomp):
            if list(words) != sorted(set(words)):
                raise ValueError("equal facts are written in one way: sorted, each word once")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionQuestion:
    """Everything of an admission request that a decision may read; all text here is untrusted.

    `references` are the distinct references of the object in document order, never empty. `pods` are the facts of its
    PodSpecs, none where a custom resource names single images. With `images_unchanged` the same images run already:
    then only the request is decided, not the evidence of its images. `pull_secrets` are the names of the secrets that
    its Pods name for pulling, in their order. `final` is an object that no other hook changes any more.
    """

    uid: str
    operation: str
    namespace: str
    kind: str
    name: str
    user: str
    service_account: str
    dry_run: bool
    labels: tuple[tuple[str, str], ...]
    references: tuple[Reference, ...]
    groups: tuple[str, ...] = ()
    pods: tuple[PodFacts, ...] = ()
    images_unchanged: bool = False
    pull_secrets: tuple[str, ...] = ()
    final: bool = True

    def __post_init__(self) -> None:
        if not self.references:
            raise ValueError("a question without images must be refused before it is asked")
        if len(set(self.references)) != len(self.references):
            raise ValueError("a reference must not be asked for twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAnswer:
    """The verdict for one reference; `digest` is the one that was resolved and judged, None when none was.

    `runs_already` is an image of an unchanged set: its evidence was not judged, and it may have no digest. `code` and
    `message` explain a verdict other than allow; they hold no attacker-controlled text. `stale_seconds` is the age of
    the listing behind an allow that was given although the registry could not be asked, else 0.
    """

    reference: Reference
    verdict: Verdict
    digest: Digest | None
    code: str = ""
    message: str = ""
    runs_already: bool = False
    stale_seconds: int = 0

    def __post_init__(self) -> None:
        if self.verdict is Verdict.ALLOW and self.digest is None and not self.runs_already:
            raise ValueError("an allow is for a digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionAnswer:
    """The recorded answer; an allow has an allowed digest for every image of the question."""

    decision_id: str
    verdict: Verdict
    retryable: bool
    images: tuple[ImageAnswer, ...]
    findings: tuple[Finding, ...]
    policy: Digest | None

    def __post_init__(self) -> None:
        if self.verdict is Verdict.ALLOW and not (
            self.images and all(image.verdict is Verdict.ALLOW for image in self.images)
        ):
            raise ValueError("an allow needs an allow for every image")
