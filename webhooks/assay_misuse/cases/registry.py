"""Registries that lie, fail, flood or lure."""

import json
from collections.abc import Callable, Iterator
from functools import partial

from assay_misuse.bench import LAX_NAMESPACE, Bench
from assay_misuse.case import Attempt, Case, Need, Observation, Step, Together, admit, admit_only, deny, part
from assay_misuse.document import BUNDLE, Stored, describe, index, referrer
from assay_misuse.lie import (
    alternate,
    ask_for_login,
    claim,
    disagree,
    drip,
    fail,
    keep_silent,
    page_without_end,
    redirect_blobs,
    stream_without_end,
)
from assay_misuse.policy import Policy
from assay_misuse.registry import Asked, Lie, Reply, referrers_reply
from assay_misuse.signatory import SPDX, sbom
from assay_misuse.workload import Json, creation, pod, review

_SHORT = 3
"""Seconds for attempts in which a registry stands still: most of them are waited for."""
_CROWD = 10_000
_GIB = 1024**3
_DEEP = 50
_ROUNDS = 3


def _tag_that_moved(bench: Bench) -> Iterator[Step]:
    good = bench.signed(tag="v1")
    asked = creation(bench.tagged("v1"))
    yield admit("the tag of a signed image", asked)
    yield admit("the same again", asked)
    bench.unsigned(tag="v1")
    yield deny("the tag after it moved to an unsigned image", asked)
    yield admit("the signed image by digest", creation(bench.pinned(good)))


def _answers_that_differ(bench: Bench) -> Iterator[Step]:
    good, bad = bench.signed(tag="v1"), bench.unsigned()
    asked = creation(bench.tagged("v1"))
    yield admit("an honest registry", asked)
    for name, lie in (
        ("HEAD names the signed image, GET serves another", disagree(good, bad)),
        ("HEAD names another image, GET serves the signed one", disagree(bad, good)),
        ("the first answer is the signed image, the second another", alternate(good, bad)),
        ("the first answer is another image, the second the signed one", alternate(bad, good)),
    ):
        bench.registry.lie(bench.path, lie)
        yield admit_only(name, asked, good.digest)
    unseen = bench.signed()
    bench.registry.lie(bench.path, claim(unseen, bad))
    yield deny("another manifest is served under the digest of a signed one", creation(bench.pinned(unseen)))


def _bounded(prepare: Callable[[Bench, str, Stored], None]) -> Callable[[Bench], Iterator[Step]]:
    """A hostile image is denied in time while good images, asked for at the same time, are admitted."""

    def play(bench: Bench) -> Iterator[Step]:
        path = f"{bench.path}/hostile"
        hostile = bench.unsigned(path=path)
        prepare(bench, path, hostile)
        good = [bench.signed() for _ in range(2)]
        yield admit("a good image alone", creation(bench.pinned(bench.signed())))
        bad = deny("the hostile image", creation(bench.pinned(hostile, path=path)), seconds=_SHORT)
        twins: list[Attempt] = [admit("a good image beside it", creation(bench.pinned(item))) for item in good]
        yield Together(attempts=(bad, *twins))

    return play


def _crowd(bench: Bench, path: str, hostile: Stored) -> None:
    listed = [referrer(hostile, b"%d" % number) for number in range(_CROWD)]
    reply = referrers_reply(listed)
    bench.registry.lie(path, lambda asked, truth: reply if asked.wants_referrers else truth)


def _gigabyte(bench: Bench, path: str, hostile: Stored) -> None:
    layer = describe(BUNDLE, b"huge", size=_GIB)
    bench.registry.put(path, referrer(hostile, b"huge", layers=[layer]))
    bench.registry.lie(path, stream_without_end(str(layer["digest"])))


def _unbounded(bench: Bench, path: str, hostile: Stored) -> None:
    bench.registry.put(path, referrer(hostile, b"small"))
    bench.registry.lie(path, stream_without_end(str(describe(BUNDLE, b"small")["digest"])))


def _no_end_of_pages(bench: Bench, path: str, _: Stored) -> None:
    bench.registry.lie(path, page_without_end)


def _dripping(bench: Bench, path: str, _: Stored) -> None:
    bench.registry.lie(path, drip)


def _silent(bench: Bench, path: str, _: Stored) -> None:
    bench.registry.lie(path, keep_silent)


def _large_documents(bench: Bench) -> Iterator[Step]:
    yield admit("a good image", creation(bench.pinned(bench.signed())))
    large = bench.publish(bench.fresh(annotations={"x": "x" * (5 * 1024 * 1024)}))
    yield deny("a manifest of 5 MB", creation(bench.pinned(large)))
    nested = bench.unsigned()
    for _ in range(_DEEP):
        nested = bench.publish(index(nested))
    yield deny("an index nested fifty deep", creation(bench.pinned(nested)))


def _redirected(bench: Bench) -> Iterator[Step]:
    good = bench.signed()
    yield admit("a good image", creation(bench.pinned(good)))
    path = f"{bench.path}/away"
    away = bench.signed(path=path)
    before = len(bench.elsewhere.seen)
    bench.registry.lie(path, redirect_blobs(f"http://{bench.elsewhere.host}"))
    yield deny("its evidence is redirected to an address nobody allowed", creation(bench.pinned(away, path=path)))
    yield Observation(name="an address that nobody allowed was asked", holds=len(bench.elsewhere.seen) == before)


def _lured(bench: Bench) -> Iterator[Step]:
    path = f"{bench.path}/closed"
    known, lured, redirected = (creation(bench.pinned(bench.signed(path=path), path=path)) for _ in range(3))
    bench.registry.lie(path, ask_for_login())
    yield admit("a registry that gets its own credential", known)
    before = len(bench.elsewhere.seen)
    bench.registry.lie(path, ask_for_login(f"http://{bench.elsewhere.host}/token"))
    yield deny("its tokens are issued by a stranger", lured)
    bench.registry.lie(path, _login_then_redirect(f"http://{bench.elsewhere.host}"))
    yield deny("its evidence is redirected to a stranger", redirected)
    sent = [seen.headers for seen in bench.elsewhere.seen[before:]]
    yield Observation(
        name="a credential was sent to a stranger",
        holds=not any("authorization" in headers or "cookie" in headers for headers in sent),
    )


def _login_then_redirect(to: str) -> Lie:
    login, away = ask_for_login(), redirect_blobs(to)

    def lie(asked: Asked, truth: Reply) -> Reply:
        known = login(asked, truth)
        return known if known.status == 401 else away(asked, truth)

    return lie


def _passing_faults(bench: Bench) -> Iterator[Step]:
    faults: dict[str, Lie] = {
        "429": fail(429),
        "500": fail(500),
        "503": fail(503),
        "silence": keep_silent,
    }
    for name, fault in faults.items():
        path = f"{bench.path}/{name}"
        asked = creation(bench.pinned(bench.signed(path=path), path=path))
        bench.registry.lie(path, fault)
        yield deny(f"the registry answers with {name}", asked, seconds=_SHORT)
        bench.registry.be_honest(path)
        yield admit(f"the next request after {name}", asked)


def _poison(bench: Bench) -> Iterator[Step]:
    good = [creation(bench.pinned(bench.signed())) for _ in range(2)]
    yield admit("a good image before", good[0])
    deep = "(" * 5_000 + "MIT" + ")" * 5_000
    wide = " AND ".join(f"LicenseRef-{number}" for number in range(5_000))
    poisonous = {
        "a deeply nested manifest": Stored(octets=b"[" * 100_000),
        "a deeply nested object": Stored(octets=b'{"a":' * 100_000),
        "a manifest that is no JSON": Stored(octets=bytes(range(256)) * 100),
    }
    asked: dict[str, Json] = {name: creation(bench.pinned(bench.publish(stored))) for name, stored in poisonous.items()}
    for name, licence in (("a licence in thousands of parentheses", deep), ("a licence of thousands of terms", wide)):
        stored = bench.replacing("sbom", partial(bench.release.bundle, predicate_type=SPDX, predicate=sbom(licence)))
        asked[name] = creation(bench.pinned(stored))
    asked["a name without an end"] = creation(f"{bench.registry.host}/{'a/' * 100_000}b@{Stored(octets=b'x').digest}")
    for _ in range(_ROUNDS):
        for name, poisoned in asked.items():
            yield Together(attempts=(deny(name, poisoned), *(admit(f"a good image beside {name}", it) for it in good)))


def _poisonous_evidence(bench: Bench) -> Iterator[Step]:
    yield admit("a good image", creation(bench.pinned(bench.signed())))
    for name, bundle in (
        ("deep nesting", b"[" * 100_000),
        ("thousands of signatures", _with_signatures(bench, 20_000)),
        ("half a document", b'{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": {'),
    ):
        stored = bench.replacing("signature", partial(_ready, bundle))
        yield deny(f"a signature with {name}", creation(bench.pinned(stored)))


def _ready(bundle: bytes, _: Stored) -> bytes:
    return bundle


def _runaway(bench: Bench) -> Iterator[Step]:
    good = [pod(bench.pinned(bench.signed())) for _ in range(3)]
    with bench.controlled.policy(Policy.RUNAWAY):
        for _ in range(_ROUNDS):
            endless = deny("an image that a rule does not come to an end with", review(good[0]), seconds=_SHORT)
            others = [admit("another tenant's image", review(obj, namespace=LAX_NAMESPACE)) for obj in good]
            yield Together(attempts=(endless, *others))
    yield admit("the same image under another policy", review(good[0]))


def _with_signatures(bench: Bench, count: int) -> bytes:
    document = json.loads(bench.stranger.bundle(bench.fresh()))
    document["dsseEnvelope"]["signatures"] *= count
    return json.dumps(document).encode()


REGISTRY_CASES = (
    Case(
        number=4,
        title="The tag moves after verification, or the registry gives two answers to one question",
        sources=("GHSA-2r43-6962-xcw5", "CVE-2022-47633", "CVE-2023-47630"),
        parts=(part("a tag that moved", _tag_that_moved), part("answers that differ", _answers_that_differ)),
    ),
    Case(
        number=15,
        title="Counts and sizes without measure end in a denial in time, and disturb nobody",
        sources=(
            "CVE-2023-42813",
            "CVE-2023-42814",
            "CVE-2023-42815",
            "CVE-2023-42816",
            "CVE-2024-29902",
            "CVE-2024-29903",
            "CVE-2023-33957",
            "CVE-2023-33958",
        ),
        parts=(
            part("ten thousand referrers", _bounded(_crowd)),
            part("an attachment of a gigabyte", _bounded(_gigabyte)),
            part("an attachment that never ends", _bounded(_unbounded)),
            part("pages without end", _bounded(_no_end_of_pages)),
            part("a registry that drips", _bounded(_dripping)),
            part("a registry that keeps silent", _bounded(_silent)),
            part("large and deep documents", _large_documents),
        ),
    ),
    Case(
        number=16,
        title="A credential leaves its registry, or an address that nobody allowed is asked",
        sources=("CVE-2025-27403", "CVE-2026-41323", "CVE-2026-22039"),
        parts=(part("a redirect", _redirected), part("a lure for credentials", _lured, Need.CREDENTIALS)),
    ),
    Case(
        number=26,
        title="A passing fault of the registry denies, and is not remembered",
        sources=("JiRaska/open-bank-oss#648",),
        parts=(part("faults that pass", _passing_faults),),
    ),
    Case(
        number=28,
        title="A poisonous image is denied again and again while good ones are admitted",
        sources=("Kyverno #16435", "Connaisseur pattern denial of service (up to 3.3.0)"),
        parts=(
            part("poisonous images", _poison),
            part("poisonous evidence", _poisonous_evidence),
            part("a rule that does not end", _runaway, Need.POLICY, Need.TENANTS),
        ),
    ),
)
