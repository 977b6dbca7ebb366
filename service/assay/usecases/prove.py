"""Prove: the whole chain of one image, link by link, from the log's time to the SBOM."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from assay.domain.artefact import Artefact
from assay.domain.deadline import Deadline
from assay.domain.errors import InvalidInput
from assay.domain.evidence import AttestationClaim, Gap, Rejection, SignatureClaim
from assay.domain.limit import Limits
from assay.domain.reason import is_retryable
from assay.formats.cyclonedx import parse_cyclonedx
from assay.formats.git_commit import Commit, parse_commit
from assay.formats.provenance import PREDICATE_TYPE as PROVENANCE
from assay.formats.provenance import parse_provenance
from assay.formats.spdx import parse_spdx
from assay.ports import Commits
from assay.usecases.verify_image import Verification

_SPDX = "https://spdx.dev/Document"
_CYCLONEDX = "https://cyclonedx.org/bom"
_MISSING = frozenset({"absent", "no_verified_time", "source_unknown"})


class Link(StrEnum):
    """The links of the chain, in its order."""

    LOG_TIME = "log time"
    SIGNATURE = "signature"
    PROVENANCE = "provenance"
    COMMIT = "git commit"
    SBOM = "SBOM"


class Standing(StrEnum):
    """Whether a link holds; what nobody asked for neither holds nor breaks."""

    HOLDS = "holds"
    BREAKS = "breaks"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One link, and what was found there; `code` says why it breaks."""

    link: Link
    standing: Standing
    told: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The links of one platform; `commit` is the git commit that was found, None without one."""

    platform: str
    steps: tuple[Step, ...]
    commit: Commit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The chain of every platform of an artefact."""

    artefact: Artefact
    chains: tuple[Chain, ...]

    @property
    def holds(self) -> bool:
        """Whether no link of any chain breaks."""
        return bool(self.chains) and not self._broken

    @property
    def retryable(self) -> bool:
        """Whether links break, and every one of them by a passing fault."""
        return bool(self._broken) and all(is_retryable(step.code) for step in self._broken)

    @property
    def _broken(self) -> list[Step]:
        return [step for chain in self.chains for step in chain.steps if step.standing is Standing.BREAKS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where commits are looked up; `signed` asks that an allowed signer signed them."""

    commits: Commits
    signed: bool
    deadline: Deadline


def prove(verification: Verification, source: Source | None, *, limits: Limits) -> Proof:
    """Walk the chain of every platform over verified claims alone.

    Without `source` the git commit is not asked for. Raises what reading the repository raises.
    """
    tree = verification.tree
    chains = []
    for platform in tree.platforms:
        about = tree.about(platform)
        signatures = [claim for claim in about.claims if isinstance(claim, SignatureClaim)]
        attestations = [claim for claim in about.claims if isinstance(claim, AttestationClaim)]
        provenance, commit_id = _walk_provenance(attestations, limits)
        commit, found = _walk_commit(commit_id, source)
        begin, sbom = (_walk_time(signatures), _walk_signature(signatures)), _walk_sbom(attestations, limits)
        steps = _blame([*begin, provenance, commit, sbom], [*about.rejected, *about.gaps])
        chains.append(Chain(platform=platform.platform, steps=steps, commit=found))
    return Proof(artefact=verification.artefact, chains=tuple(chains))


def _blame(steps: Sequence[Step], faults: Sequence[Rejection | Gap]) -> tuple[Step, ...]:
    """What is missing because evidence could not be asked for, or judged, breaks by that fault: it may be there."""
    fault = next((fault for fault in faults if is_retryable(fault.code)), None)
    if fault is None:
        return tuple(steps)
    return tuple(
        replace(step, code=fault.code, told=f"{step.told} ({fault.detail})") if step.code in _MISSING else step
        for step in steps
    )


def _walk_time(signatures: Sequence[SignatureClaim]) -> Step:
    for claim in signatures:
        for entry in claim.log_entries:
            if claim.times:
                place = f"entry {entry.index}" if entry.index is not None else f"leaf {entry.leaf}"
                return _holds(Link.LOG_TIME, f"{claim.times[0].isoformat()}, {place} of the log {entry.origin}")
    if any(claim.times for claim in signatures):
        return _breaks(
            Link.LOG_TIME, code="log_entry_absent", told="a timestamp authority vouches for the time, but no log"
        )
    return _breaks(Link.LOG_TIME, code="no_verified_time", told="nothing establishes when it was signed")


def _walk_signature(signatures: Sequence[SignatureClaim]) -> Step:
    if not signatures:
        return _breaks(Link.SIGNATURE, code="absent", told="nobody who is trusted signed the image")
    return _holds(Link.SIGNATURE, ", ".join(dict.fromkeys(str(claim.signer) for claim in signatures)))


def _walk_provenance(attestations: Sequence[AttestationClaim], limits: Limits) -> tuple[Step, str]:
    found = [claim for claim in attestations if claim.predicate_type == PROVENANCE]
    if not found:
        return _breaks(Link.PROVENANCE, code="absent", told=f"there is no attestation {PROVENANCE}"), ""
    try:
        parsed = [parse_provenance(claim.predicate, most_materials=limits.packages) for claim in found]
    except InvalidInput as error:
        return _breaks(Link.PROVENANCE, code=error.code, told=error.message), ""
    sources = {(item.source.uri, item.source.commit) if item.source else ("", "") for item in parsed}
    uri, commit = next(iter(sources))
    if len(sources) > 1 or not commit:
        why = f"{len(sources)} attestations name different sources" if len(sources) > 1 else "it names no source commit"
        return _breaks(Link.PROVENANCE, code="source_unknown", told=why), ""
    return _holds(Link.PROVENANCE, f"built by {parsed[0].builder_id} from {uri} at commit {commit}"), commit


def _walk_commit(commit_id: str, source: Source | None) -> tuple[Step, Commit | None]:
    if source is None:
        return Step(link=Link.COMMIT, standing=Standing.NOT_ASKED, told="no repository was named"), None
    commit = _find_commit(commit_id, source)
    if isinstance(commit, Step):
        return commit, None
    told = f"{commit_id}, committed {commit.committed.isoformat()}"
    if not source.signed:
        return _holds(Link.COMMIT, f"{told}; its signature was not asked for"), commit
    signer = source.commits.verify_commit(commit.octets, commit_id, source.deadline)
    if signer is None:
        why = "is not signed by an allowed signer" if commit.signed else "is not signed"
        return _breaks(Link.COMMIT, code="commit_unsigned", told=f"{told}, {why}"), commit
    return _holds(Link.COMMIT, f"{told}, signed by {signer}"), commit


def _find_commit(commit_id: str, source: Source) -> Commit | Step:
    if not commit_id:
        return _breaks(Link.COMMIT, code="source_unknown", told="no commit to look for")
    try:
        octets = source.commits.find_commit(commit_id, source.deadline)
        if octets is None:
            return _breaks(Link.COMMIT, code="commit_unknown", told=f"the repository does not have {commit_id}")
        return parse_commit(octets, commit_id)
    except InvalidInput as error:
        if error.code != "commit_malformed":
            raise
        return _breaks(Link.COMMIT, code=error.code, told=error.message)


def _walk_sbom(attestations: Sequence[AttestationClaim], limits: Limits) -> Step:
    told, failed = [], None
    for claim in attestations:
        try:
            if claim.predicate_type.startswith(_SPDX):
                count = len(parse_spdx(claim.predicate, most_packages=limits.packages).packages)
                told.append(f"SPDX with {count} packages")
            elif claim.predicate_type.startswith(_CYCLONEDX):
                count = len(parse_cyclonedx(claim.predicate, most_packages=limits.packages).packages)
                told.append(f"CycloneDX with {count} packages")
        except InvalidInput as error:
            failed = _breaks(Link.SBOM, code=error.code, told=error.message)
    if failed is not None:
        return failed
    if not told:
        return _breaks(Link.SBOM, code="absent", told="there is no attested SBOM")
    return _holds(Link.SBOM, ", ".join(sorted(told)))


def _holds(link: Link, told: str) -> Step:
    return Step(link=link, standing=Standing.HOLDS, told=told)


def _breaks(link: Link, *, code: str, told: str) -> Step:
    return Step(link=link, standing=Standing.BREAKS, told=told, code=code)
