"""Evidence that must not count, and evidence that must."""

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from assay_misuse.bench import Bench
from assay_misuse.case import Case, Need, Step, admit, deny, part
from assay_misuse.document import Stored, index, referrer
from assay_misuse.policy import Policy
from assay_misuse.signatory import PROVENANCE, SIGNATURE, SPDX, provenance, sbom, statement
from assay_misuse.workload import Json, creation

_PREDICATES: dict[str, tuple[str, Json]] = {
    "signature": (SIGNATURE, {}),
    "provenance": (PROVENANCE, provenance()),
    "sbom": (SPDX, sbom("MIT")),
}
_OTHER_TYPES = {
    "vulnerabilities": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "nothing in particular": "https://cosign.sigstore.dev/attestation/v1",
    "test results": "https://in-toto.io/attestation/test-result/v0.1",
}


class Flaw(Protocol):
    """Makes a piece of evidence of a kind that proves nothing."""

    def __call__(self, bench: Bench, subject: Stored, *, kind: str) -> bytes:
        """The bundle about this image."""
        ...


def _edited(change: Callable[[Json], object]) -> Flaw:
    """The bundle of a kind, changed after it was signed."""

    def flawed(bench: Bench, subject: Stored, *, kind: str) -> bytes:
        predicate_type, predicate = _PREDICATES[kind]
        return bench.release.bundle(subject, predicate_type=predicate_type, predicate=predicate, edit=change)

    return flawed


def _set_signature(text: str) -> Callable[[Json], object]:
    return lambda bundle: bundle["dsseEnvelope"]["signatures"][0].update(sig=text)


def _by_stranger(bench: Bench, subject: Stored, *, kind: str) -> bytes:
    return bench.stranger.evidence(subject)[kind]


def _about_another(bench: Bench, subject: Stored, *, kind: str) -> bytes:
    del subject
    return bench.release.evidence(bench.fresh())[kind]


_FLAWS: dict[str, Flaw] = {
    "no signature": _edited(lambda bundle: bundle["dsseEnvelope"].pop("signatures")),
    "an empty list of signatures": _edited(lambda bundle: bundle["dsseEnvelope"].update(signatures=[])),
    "an empty signature": _edited(_set_signature("")),
    "a garbage signature": _edited(_set_signature(base64.b64encode(b"garbage" * 10).decode())),
    "a signature by another key": _by_stranger,
    "a signature over another digest": _about_another,
}


def _claims_without_proof(bench: Bench) -> Iterator[Step]:
    yield admit("all evidence is good", creation(bench.pinned(bench.signed())))
    for kind in _PREDICATES:
        for name, flaw in _FLAWS.items():
            stored = bench.replacing(kind, partial(flaw, bench, kind=kind))
            yield deny(f"{kind} with {name}", creation(bench.pinned(stored)))


def _artifact_types(bench: Bench) -> Iterator[Step]:
    yield admit("all evidence is good", creation(bench.pinned(bench.signed())))
    claims = {"artifactType": "application/vnd.in-toto+json", "annotations": {"in-toto.io/predicate-type": PROVENANCE}}
    stored = bench.unsigned()
    for bundle in bench.stranger.evidence(stored).values():
        bench.publish(referrer(stored, bundle, **claims))
    yield deny("only referrers that claim to be in-toto", creation(bench.pinned(stored)))


def _other_predicates(bench: Bench) -> Iterator[Step]:
    yield admit("all evidence is good", creation(bench.pinned(bench.signed())))
    for kind in ("signature", "provenance"):
        for name, other in _OTHER_TYPES.items():
            predicate = _PREDICATES[kind][1]
            stored = bench.replacing(kind, partial(bench.release.bundle, predicate_type=other, predicate=predicate))
            yield deny(f"in place of {kind}: {name}", creation(bench.pinned(stored)))


_PAYLOADS = {
    "not JSON": b"junk",
    "no statement": b"{}",
    "a list": b"[]",
    "cut off": b'{"_type": "https://in-toto.io/Statement/v1"',
    "twice the same member": b'{"predicateType": "x", "predicateType": "https://slsa.dev/provenance/v1"}',
}


def _ready(bundle: bytes, _: Stored) -> bytes:
    return bundle


def _malformed_payloads(bench: Bench) -> Iterator[Step]:
    yield admit("all evidence is good", creation(bench.pinned(bench.signed())))
    for name, payload in _PAYLOADS.items():
        for kind in ("signature", "provenance"):
            made = bench.release.bundle_over(payload)
            stored = bench.replacing(kind, partial(_ready, made))
            yield deny(f"{kind} whose signed payload is {name}", creation(bench.pinned(stored)))


def _told_types(bench: Bench) -> Iterator[Step]:
    for name, told, predicate_type, predicate in (
        ("an SBOM that is annotated as provenance", PROVENANCE, SPDX, sbom("MIT")),
        ("provenance", PROVENANCE, PROVENANCE, provenance()),
    ):
        stored = bench.keeping("signature", "sbom")
        payload = statement(stored, predicate_type, predicate)
        tag = f"{stored.digest.replace(':', '-')}.att"
        bench.publish(bench.release.legacy_attestation(payload, told=told), tag=tag)
        asked = creation(bench.pinned(stored))
        yield admit(f"an .att with {name}", asked) if told == predicate_type else deny(f"an .att with {name}", asked)


def _instead_of(kept: tuple[str, ...]) -> Callable[[Bench], Iterator[Step]]:
    def play(bench: Bench) -> Iterator[Step]:
        yield admit("all evidence is good", creation(bench.pinned(bench.signed())))
        stored = bench.keeping(*kept)
        yield deny(f"nothing but {' and '.join(kept)}", creation(bench.pinned(stored)))

    return play


def _quorum(bench: Bench) -> Iterator[Step]:
    first, second, _ = bench.board
    with bench.controlled.policy(Policy.TWO_OF_THREE):
        for name, signers, legacy in (
            ("one key once", [first], False),
            ("one key twice", [first, first], False),
            ("one signature in two formats", [first], True),
            ("a member and a stranger", [first, bench.stranger], False),
            ("two members", [first, second], False),
        ):
            stored = bench.publish(bench.fresh())
            evidence = bench.release.evidence(stored)
            evidence.pop("signature")
            bench.attach(stored, evidence)
            for number, signatory in enumerate(signers):
                noted = signatory.bundle(stored, predicate={"number": number})
                bench.attach(stored, {"signature": noted})
            if legacy:
                bench.publish(first.legacy_signature(stored), tag=f"{stored.digest.replace(':', '-')}.sig")
            asked = creation(bench.pinned(stored))
            yield admit(name, asked) if name == "two members" else deny(name, asked)


def _children(bench: Bench) -> Iterator[Step]:
    for evident in (False, True):
        amd, arm = (bench.publish(bench.fresh(architecture=name)) for name in ("amd64", "arm64"))
        both = bench.publish(index(amd, arm))
        for stored in (both, *([arm] if evident else [])):
            bench.attach(stored, bench.release.evidence(stored))
        child = creation(bench.pinned(arm))
        yield admit("an index that is signed itself", creation(bench.pinned(both)))
        if evident:
            yield admit("a child of a signed index with evidence of its own, by its own digest", child)
        else:
            yield deny("an unsigned child of a signed index, by its own digest", child)


def _added_platform(bench: Bench) -> Iterator[Step]:
    for evident in (False, True):
        amd, arm = (bench.publish(bench.fresh(architecture=name)) for name in ("amd64", "arm64"))
        for stored in (amd, *([arm] if evident else [])):
            bench.attach(stored, bench.release.evidence(stored))
        asked = creation(bench.pinned(bench.publish(index(amd, arm))))
        if evident:
            yield admit("an index of two signed platforms", asked)
        else:
            yield deny("an index of a signed and an unsigned platform", asked)


def _beside_hostile_bundles(bench: Bench) -> Iterator[Step]:
    junk = {"junk": b"junk", "empty": b"{}", "other shape": json.dumps({"mediaType": "x"}).encode()}
    for trusted in (True, False):
        stored = bench.keeping("provenance", "sbom")
        bench.attach(stored, {**junk, "stranger": bench.stranger.bundle(stored)})
        signatory = bench.release if trusted else bench.stranger
        bench.publish(signatory.legacy_signature(stored), tag=f"{stored.digest.replace(':', '-')}.sig")
        asked = creation(bench.pinned(stored))
        if trusted:
            yield admit("a valid legacy signature beside hostile bundles", asked)
        else:
            yield deny("a stranger's legacy signature beside hostile bundles", asked)


EVIDENCE_CASES = (
    Case(
        number=1,
        title="A claim without proof: the signature is absent, empty, garbage, another key's or about another digest",
        sources=("policy-controller #1971",),
        parts=(
            part("the signature of each kind of evidence", _claims_without_proof),
            part("referrers that claim a type", _artifact_types),
        ),
    ),
    Case(
        number=2,
        title="Only other predicate types are signed, the payload is malformed, or the type was told and not signed",
        sources=("CVE-2022-35930", "CVE-2026-39395"),
        parts=(
            part("other predicate types", _other_predicates),
            part("malformed payloads under good signatures", _malformed_payloads),
            part("a type in an annotation", _told_types),
        ),
    ),
    Case(
        number=3,
        title="An attestation is offered as an image signature, or the reverse",
        sources=("CVE-2022-35930",),
        parts=(
            part("attestations alone", _instead_of(("provenance", "sbom"))),
            part("a signature alone", _instead_of(("signature",))),
        ),
    ),
    Case(
        number=20,
        title="A quorum of two is met by one signer who signs twice",
        sources=("in-toto and TUF threshold rules",),
        parts=(part("two of three", _quorum, Need.POLICY),),
    ),
    Case(
        number=21,
        title="An index vouches for a child that is named alone, or a child for its index",
        sources=("rule: an index is judged platform by platform, and vouches only when it is asked for itself",),
        parts=(part("a child named alone", _children), part("a platform nobody signed", _added_platform)),
    ),
    Case(
        number=25,
        title="Behaviour: a valid legacy signature counts, whatever hostile bundles lie beside it",
        sources=("conforma/cli#3185",),
        parts=(part("hostile bundles", _beside_hostile_bundles),),
    ),
)
