"""Protocols between use cases and adapters; nothing here does anything."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from assay.domain.break_glass import GrantStanding, Visit
from assay.domain.cluster import Namespace, WantedImage
from assay.domain.deadline import Deadline
from assay.domain.decision import Decision, Recorded, Stage
from assay.domain.descriptor import Content, Descriptor
from assay.domain.digest import Digest
from assay.domain.gate import GateAnswer, GateQuestion
from assay.domain.identity import Authority, ConfirmedKey, PublicKey
from assay.domain.kept_verdict import KeptVerdict
from assay.domain.policy import LoadedPolicy
from assay.domain.record import DecisionFilter, DecisionPage, StoredDecision, WalkPage
from assay.domain.reference import Reference, Repository
from assay.domain.seen_image import SeenImage
from assay.domain.verdict_key import VerdictKey
from assay.formats.bundle import Vouchers
from assay.verification.log_body import LoggedSignature
from assay.verification.trust_root import TrustRoot
from assay.verification.trust_snapshot import TrustSnapshot


class Clock(Protocol):
    """Wall time for records, monotonic time for deadlines."""

    def now(self) -> datetime:
        """The current time, UTC, with time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class Registry(Protocol):
    """Read side of a registry, an OCI layout or a candidate carried in a call.

    Every `Content` was digest-checked against what was asked for. Only `Unavailable` (`registry_unavailable`,
    `registry_denied`, `deadline_exceeded`) and `InvalidInput` (`digest_mismatch`, `manifest_malformed`,
    `evidence_limit`, `manifest_unknown`) leave an implementation; absence is never an error below.
    """

    def resolve(self, reference: Reference, deadline: Deadline) -> Content:
        """The manifest behind a tag or digest; `InvalidInput(manifest_unknown)` when there is none."""
        ...

    def find_manifest(self, repository: Repository, tag_or_digest: str, deadline: Deadline) -> Content | None:
        """The manifest, or None when the registry says (404) that there is none."""
        ...

    def fetch_blob(self, repository: Repository, descriptor: Descriptor, deadline: Deadline) -> bytes:
        """A blob, capped by the descriptor's size and by the client's own limit, digest-checked."""
        ...

    def list_referrers(self, repository: Repository, digest: Digest, deadline: Deadline) -> Sequence[Descriptor]:
        """Every referrer of the digest: referrers API with paging, or the fallback tag where that API is absent."""
        ...


Amend = Callable[[Content | None], Content | None]
"""Makes the manifest that a tag is to hold out of the one it holds; None when that one will do."""


class RegistryWriter(Protocol):
    """Write side of a registry; raises `Unavailable` and `InvalidInput` only."""

    def push_blob(self, repository: Repository, content: bytes | Content, deadline: Deadline) -> Descriptor:
        """Upload a blob unless it is there; a `Content` spares computing its digest again."""
        ...

    def push_manifest(
        self, repository: Repository, manifest: bytes, media_type: str, deadline: Deadline, *, tag: str = ""
    ) -> Descriptor:
        """Upload a manifest by digest, or under a tag; keeps the fallback tag where there is no referrers API."""
        ...

    def amend_tag(self, repository: Repository, tag: str, amend: Amend, deadline: Deadline) -> Content:
        """Change what is under a tag without undoing what others write there; what the tag holds then.

        `amend` is called with each state that is found until its change stays; it gives a manifest for no state.
        """
        ...


class WritableRegistry(Registry, RegistryWriter, Protocol):
    """Both sides of one registry, or of one OCI layout."""


class CopyingRegistry(WritableRegistry, Protocol):
    """A registry client that carries blobs from one repository to another by itself."""

    def copy_blob(
        self, origin: Repository, descriptor: Descriptor, destination: Repository, deadline: Deadline
    ) -> None:
        """Copy a blob, never held whole; only bytes with the descriptor's size and digest make a blob over there."""
        ...


class TrustRoots(Protocol):
    """Authorities and trust roots that signatures are judged by."""

    def snapshot(self) -> TrustSnapshot:
        """What is trusted now; never waits, and what was handed out never changes."""
        ...


class PolicyEngine(Protocol):
    """Evaluates the loaded policy.

    `query` returns the engine's raw answer, unchecked. Raises `Unavailable(policy_engine_unavailable)` when the
    engine cannot be reached in time, and `Unavailable(policy_result_invalid)` never: an evaluation error is
    `InvalidInput(policy_result_invalid)`.
    """

    def query(self, stage: Stage, document: Mapping[str, object], deadline: Deadline) -> object:
        """Evaluate one stage's entry point over a document."""
        ...

    def loaded(self) -> LoadedPolicy:
        """The policy that `query` evaluates."""
        ...

    def ping(self, deadline: Deadline) -> None:
        """Return when the engine is alive and its bundle active; `Unavailable(policy_engine_unavailable)` if not."""
        ...


class Cluster(Protocol):
    """The Kubernetes cluster whose admission is decided."""

    def get_namespace(self, name: str, *, may_wait: bool = True) -> Namespace:
        """The namespace as it was last seen; asks nobody.

        One that has not been seen yet is waited for, a quarter of a second at most, unless `may_wait` is false: what
        was created a moment ago may not have been told yet. Raises `Unavailable(namespace_unknown)` when it was not
        seen even then, or when what is known was not confirmed for longer than the bound.
        """
        ...

    def fetch_pull_secrets(
        self, namespace: str, service_account: str, named: Sequence[str], deadline: Deadline
    ) -> Sequence[bytes]:
        """The docker configurations in the pull secrets `named` by a Pod, then in those of its service account.

        Only this namespace is read. Secrets that do not exist or are of another type are left out, as the kubelet
        does. Raises `Unavailable(cluster_unavailable)`.
        """
        ...

    def wanted_images(self) -> Sequence[WantedImage]:
        """The distinct images, named by digest, of all ReplicaSets that are to have Pods, as last seen; asks nobody.

        The same object as before while nothing of it has changed. For one thread. Raises
        `Unavailable(cluster_unavailable)` when what is known was not confirmed for longer than the bound.
        """
        ...


class VerdictStore(Protocol):
    """Verdicts on evidence that outlive a process; raises `Unavailable(cache_unavailable)` only.

    Nothing depends on it: what it does not have is judged anew. What `find` returns was kept under this very key.
    """

    def epoch(self, repository: Repository) -> str:
        """Part of every key about the repository; changes when everything, or all about it, is to be forgotten."""
        ...

    def forget_repository(self, repository: Repository) -> None:
        """Forget what is kept about a repository, also what running workers remember or are about to keep."""
        ...

    def find(self, key: VerdictKey) -> KeptVerdict | None:
        """The verdict that was kept last under the key, however old."""
        ...

    def keep(self, kept: KeptVerdict) -> None:
        """Keep a verdict in place of the one before; may forget it, or others, where room is scarce."""
        ...

    def forget(self, key: VerdictKey) -> None:
        """Let go the verdict under the key, if there is one."""
        ...


class Prewarmer(Protocol):
    """Verifies images before anybody asks about them, so that the answer is there when somebody does.

    Nothing depends on it: an image that it does not take is verified when it is asked about.
    """

    def offer(self, image: SeenImage) -> bool:
        """Tell of an image; waits for nothing and raises nothing. False when it was not taken: there is no room."""
        ...


class KeptVerdicts(Protocol):
    """What an operator may do with the verdicts that are kept; raises `Unavailable(cache_unavailable)` only."""

    def entries(self) -> Sequence[KeptVerdict]:
        """Every verdict that can be read, those first that were listed last."""
        ...

    def clear(self) -> None:
        """Forget everything, also what running workers remember."""
        ...


class ClusterObjects(Protocol):
    """Objects of a cluster by their path in its API, with the rights of whoever asks.

    Raises `Unavailable`: `cluster_unavailable` and, when the object changed since it was read, `cluster_conflict`.
    """

    def get(self, path: str, deadline: Deadline) -> dict[str, object] | None:
        """The object, None when there is none."""
        ...

    def replace(self, path: str, document: Mapping[str, object], deadline: Deadline) -> None:
        """Replace the object that was read with this resource version."""
        ...

    def create(self, path: str, document: Mapping[str, object], deadline: Deadline) -> dict[str, object]:
        """Create an object in a collection; what the API server made of it."""
        ...


class Grants(Protocol):
    """Grants (break-glass) and how often each was used; raises `Unavailable(grants_unavailable)` only."""

    def list_bundles(self) -> Sequence[bytes]:
        """Everything that may be a signed grant."""
        ...

    def standing(self, grant: Digest) -> GrantStanding:
        """How often the grant was used, and whether it was revoked."""
        ...

    def is_paid(self, grant: Digest, visit: Visit, *, time: datetime) -> bool:
        """Whether a use that was taken at the first look at an object pays for this final one."""
        ...

    def use(self, grant: Digest, *, decision: str, time: datetime, most: int, visit: Visit) -> bool:
        """Take one of `most` uses, durably; False when none is left or the grant was revoked.

        A use by the same decision counts once. A final look that is paid takes none, and nothing else is paid by it.
        """
        ...

    def revoke(self, grant: Digest, *, time: datetime, reason: str) -> bool:
        """Revoke a grant for good; False when it was revoked before."""
        ...


class DecisionLog(Protocol):
    """Append-only log of decisions."""

    def record(self, decision: Decision, deadline: Deadline, *, proven: bool = True) -> Recorded:
        """Durably record; returns only after the commit, with a leaf of this very decision.

        Without `proven` there may be no proof; the archive can make it later. Raises
        `Unavailable(log_unavailable | log_overloaded)`.
        """
        ...


class DecisionArchive(Protocol):
    """Reads the log back, checked against its signed checkpoint.

    Raises `Unavailable(database_unavailable)` and `RecordCorrupt`. `tenant` restricts to one tenant's decisions, None
    does not restrict.
    """

    def list_decisions(
        self, wanted: DecisionFilter, *, tenant: str | None, limit: int, before: int | None = None
    ) -> DecisionPage:
        """At most `limit` (1 to 1000) decisions below the leaf index `before`, newest first."""
        ...

    def get_decision(self, decision_id: str, *, tenant: str | None) -> StoredDecision | None:
        """The whole decision, every part of it checked; None when there is none."""
        ...

    def get_proof(self, decision_id: str, *, tenant: str | None) -> str | None:
        """The `.tlog-proof` text; None when there is no such decision."""
        ...

    def walk(self, start: int, limit: int) -> WalkPage:
        """Re-hash a stretch of the log and compare every record with its leaf."""
        ...


class Signer(Protocol):
    """Signs bytes with one private key, wherever that is; raises `Unavailable` and `InvalidInput` only.

    The algorithm follows from the public key (`formats.signing_key.signature_algorithm`).
    """

    def public_key(self) -> PublicKey:
        """The public half; the same for the life of the signer."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature over the message: DER for ECDSA, the algorithm's own bytes otherwise."""
        ...


class KeySource(Protocol):
    """Where a trusted public key comes from that may change; used by one thread at a time."""

    def refresh(self) -> None:
        """Begin to ask for the key in the background when it is time to; waits for nothing and raises nothing."""
        ...

    def wait(self) -> None:
        """Wait for what `refresh` began, no longer than one call may take from its beginning.

        Raises `ConfigError` when there is no key because this installation has no way to ask for it.
        """
        ...

    def public_key(self) -> ConfirmedKey:
        """The key that was confirmed last; asks nobody. `Unavailable(key_unavailable)` when that is too long ago."""
        ...


class Witness(Protocol):
    """Vouches for signatures as they are made: transparency logs and timestamp authorities."""

    def vouch(self, logged: LoggedSignature) -> Vouchers:
        """What every one of them gives for a signature, unverified.

        Raises `Unavailable(sigstore_unavailable)` and `InvalidInput(sigstore_refused | key_unsupported)`.
        """
        ...


class EvidenceSigner(Protocol):
    """Signs statements and messages as bundles (version 0.3), with a key or an identity."""

    def sign_statement(self, payload: bytes) -> bytes:
        """The bundle around an in-toto statement."""
        ...

    def sign_message(self, message: bytes) -> bytes:
        """The bundle with the signature over a message, which is not part of it."""
        ...

    def authority(self) -> Authority:
        """Whom a verifier of these bundles has to trust."""
        ...

    def roots(self) -> Mapping[str, TrustRoot]:
        """The trust roots that the authority names."""
        ...


class Commits(Protocol):
    """Git commits of one repository; raises `InvalidInput(repository_unusable)` and `Unavailable(git_unavailable)`."""

    def find_commit(self, commit_id: str, deadline: Deadline) -> bytes | None:
        """The content of a commit object, unchecked; None when the repository does not have it."""
        ...

    def verify_commit(self, commit: bytes, commit_id: str, deadline: Deadline) -> str | None:
        """The allowed signer whose good signature the commit has; None without one, or when nobody is allowed."""
        ...


class Gate(Protocol):
    """The service's gate, as its clients see it."""

    def ask(self, question: GateQuestion, deadline: Deadline) -> GateAnswer:
        """Ask and return the recorded answer; `Unavailable(service_unavailable)` when there is none in time."""
        ...


class ServiceClient(Gate, Protocol):
    """The service as its command line sees it; answers are parsed JSON, digest and proof checks are the caller's.

    Raises `Unavailable(service_unavailable)` and, for a problem document, `InvalidInput` or `Unavailable` with the
    code the service gave.
    """

    def get(self, path: str, parameters: Mapping[str, str], deadline: Deadline) -> object:
        """The JSON answer of a read path (`/v1/...`)."""
        ...

    def get_text(self, path: str, deadline: Deadline) -> str:
        """The text answer of a read path."""
        ...
