"""Policy, trust and tenants: what changes, what is broken, and who may choose."""

from collections.abc import Callable, Iterator
from functools import partial

from assay_misuse.bench import LABELLED_NAMESPACE, LAX_LABEL, LAX_NAMESPACE, OTHER_NAMESPACE, Bench
from assay_misuse.case import Case, Need, Observation, Step, Together, admit, deny, part
from assay_misuse.document import Stored
from assay_misuse.lie import ask_for_login_of
from assay_misuse.policy import Policy
from assay_misuse.signatory import SPDX, sbom
from assay_misuse.workload import NAMESPACE, Json, creation, pod, review, with_metadata

IDENTITY_FLAWS = (
    "another issuer",
    "another identity",
    "a longer organisation",
    "a longer host",
    "no issuer",
    "a certificate of another authority",
)
SPLIT = "the right identity and the right issuer in two signatures"
LOG_FLAWS = (
    "an entry about another image",
    "an entry of another key",
    "a promise of another entry",
    "an inclusion proof of another entry",
    "a tiled entry without a timestamp",
    "a timestamp outside of the authority's validity",
    "a timestamp of an expired authority",
    "an entry of a log outside of its window",
    "no entry",
)
_DENYING = (
    Policy.DENIED_LICENCE,
    Policy.OTHER_REGISTRY,
    Policy.OTHER_BUILDER,
    Policy.OTHER_SOURCE,
    Policy.TWO_OF_THREE,
    Policy.ELSEWHERE,
)


def _warm(bench: Bench) -> Iterator[Step]:
    asked = creation(bench.pinned(bench.signed()))
    for policy in _DENYING:
        yield admit(f"before the policy {policy}", asked)
        with bench.controlled.policy(policy):
            yield deny(f"under the policy {policy}", asked)
        yield admit(f"after the policy {policy}", asked)


def _warm_trust(bench: Bench) -> Iterator[Step]:
    asked = creation(bench.pinned(bench.signed()))
    yield admit("while the key is trusted", asked)
    with bench.controlled.trust(release=False):
        yield deny("when the key is no longer trusted", asked)
    yield admit("when it is trusted again", asked)


def _other_repository(bench: Bench) -> Iterator[Step]:
    good, path = bench.signed(), f"{bench.path}/other"
    yield admit("the image where its evidence is", creation(bench.pinned(good)))
    bench.publish(good, path=path)
    yield deny("the same image in a repository without evidence", creation(bench.pinned(good, path=path)))
    yield admit("the image where its evidence is, again", creation(bench.pinned(good)))


def _subjects(bench: Bench) -> Iterator[Step]:
    good = pod(bench.pinned(bench.signed()))
    with bench.controlled.policy(Policy.SUBJECTS):
        yield admit("a namespace and an account that are welcome", review(good))
        yield deny("the same image in another namespace", review(good, namespace=OTHER_NAMESPACE))
        account = {**good["spec"], "serviceAccountName": "unwelcome"}
        yield deny("the same image under another service account", review({**good, "spec": account}))
        yield admit("the first question again", review(good))


def _keyless(flaws: tuple[str, ...]) -> Callable[[Bench], Iterator[Step]]:
    def play(bench: Bench) -> Iterator[Step]:
        with bench.controlled.policy(Policy.KEYLESS):
            for flaw in ("", *flaws):
                stored = bench.publish(bench.fresh())
                bench.attach(stored, bench.controlled.keyless(stored, flaw))
                asked = creation(bench.pinned(stored))
                yield deny(flaw, asked) if flaw else admit("keyless evidence without a flaw", asked)

    return play


def _unknown_licence(bench: Bench, *, path: str = "") -> Stored:
    make = partial(bench.release.bundle, predicate_type=SPDX, predicate=sbom("NOASSERTION"))
    return bench.replacing("sbom", make, path=path)


def _chosen_by_text(bench: Bench) -> Iterator[Step]:
    obj = pod(bench.pinned(_unknown_licence(bench)))
    lax = Policy.LAX_LICENCES.value
    with bench.controlled.policy(Policy.LAX_LICENCES):
        yield admit("where the lax policy holds", review(obj))
    texts = {"environment": lax, "assay.dev/environment": lax, "assay.dev/tenant": lax}
    yield deny("where the strict policy holds", review(obj))
    yield deny("labels that name the lax policy", review(with_metadata(obj, labels=texts, annotations=texts)))
    yield deny("an object in the lax namespace, asked for in the strict one", review(with_metadata(obj, namespace=lax)))
    path = f"{bench.path}/{lax}"
    other = _unknown_licence(bench, path=path)
    yield deny("a path that names the lax policy", creation(bench.pinned(other, path=path)))


def _namespaces(bench: Bench) -> Iterator[Step]:
    obj = pod(bench.pinned(_unknown_licence(bench)))
    texts = dict([LAX_LABEL])
    yield admit("in a namespace of the lax tenant", review(obj, namespace=LAX_NAMESPACE))
    yield admit("in a namespace that is labelled for it", review(obj, namespace=LABELLED_NAMESPACE))
    yield deny("in a namespace of the strict tenant", review(obj))
    labelled = with_metadata(obj, labels=texts, annotations=texts)
    yield deny("an object that bears the label of the lax tenant", review(labelled))
    yield deny("an object that says it is in the lax namespace", review(with_metadata(obj, namespace=LAX_NAMESPACE)))
    yield deny("in a namespace that nobody knows", review(obj, namespace="nowhere"))
    yield deny("in a namespace whose name only begins alike", review(obj, namespace=f"{LAX_NAMESPACE}-too"))


def _pull_secrets(bench: Bench) -> Iterator[Step]:
    path = f"{bench.path}/private"
    first, second = (bench.pinned(bench.signed(path=path), path=path) for _ in range(2))
    bench.registry.lie(path, ask_for_login_of("owner"))

    def asked(image: str, namespace: str) -> Json:
        return review(pod(image, imagePullSecrets=[{"name": "private"}]), namespace=namespace)

    with bench.controlled.pull_secret(NAMESPACE, "private", "owner"):
        yield deny("in a namespace without the secret", asked(first, OTHER_NAMESPACE))
        yield admit("in the namespace of the secret", asked(first, NAMESPACE))
        yield deny("in a namespace without the secret, once the image is known", asked(first, OTHER_NAMESPACE))
        yield admit("another image in the namespace of the secret", asked(second, NAMESPACE))


EXCEPTION_FLAWS = (
    "for another image",
    "for another namespace",
    "for another environment",
    "that is over",
    "that is not yet valid",
    "by a stranger",
    "by the key of releases",
    "for longer than the rules admit",
    "changed after it was signed",
    "used up",
)


def _exceptions(bench: Bench) -> Iterator[Step]:
    signed = creation(bench.pinned(bench.signed()))
    for flaw in ("", *EXCEPTION_FLAWS):
        stored = bench.unsigned()
        asked = creation(bench.pinned(stored))
        yield deny("an unsigned image before there is an exception", asked)
        with bench.controlled.exception(stored, flaw):
            if flaw:
                yield deny(f"an exception {flaw}", asked)
            else:
                yield admit("an exception without a flaw", asked)
                yield deny("another image at the same time", creation(bench.pinned(bench.unsigned())))
            yield admit("a signed image meanwhile", signed)
        yield deny("the image when there is no exception any more", asked)


def _one_broken_root(bench: Bench) -> Iterator[Step]:
    good = creation(bench.pinned(bench.signed()))
    signed_without_key = bench.publish(bench.fresh())
    bench.attach(signed_without_key, bench.controlled.keyless(signed_without_key, ""))
    asked = creation(bench.pinned(signed_without_key))
    whole = bench.controlled.readiness()
    yield Observation(name="it is ready while everything works", holds=whole.ready)
    with bench.controlled.policy(Policy.KEYLESS):
        yield admit("keyless evidence while its trust root works", asked)
        with bench.controlled.trust(keyless=False):
            yield deny("keyless evidence while its trust root is broken", asked)
    with bench.controlled.trust(keyless=False):
        yield admit("evidence by key while the other trust root is broken", good)
        broken = bench.controlled.readiness()
        yield Observation(name="it stays ready for the rest", holds=broken.ready)
        yield Observation(name="it tells of the broken trust root", holds=set(broken.told) > set(whole.told))
    yield Observation(name="it tells no more once the root works", holds=bench.controlled.readiness() == whole)


def _options(bench: Bench) -> Iterator[Step]:
    good = creation(bench.pinned(bench.signed()))
    yield admit("every rule as it is", good)
    for policy in _DENYING:
        with bench.controlled.policy(policy):
            yield deny(f"flipped: {policy}", good)
    unknown = creation(bench.pinned(_unknown_licence(bench)))
    bare = creation(bench.pinned(bench.keeping("signature", "provenance")))
    for policy, asked in ((Policy.LAX_LICENCES, unknown), (Policy.NO_SBOM, bare)):
        yield deny(f"not flipped: {policy}", asked)
        with bench.controlled.policy(policy):
            yield admit(f"flipped: {policy}", asked)


def _replaced_under_load(bench: Bench) -> Iterator[Step]:
    images = [creation(bench.pinned(bench.signed())) for _ in range(3)]
    for _ in range(3):
        yield Together(attempts=tuple(admit("while the policy allows", asked) for asked in images * 2))
        with bench.controlled.policy(Policy.DENIED_LICENCE):
            yield Together(attempts=tuple(deny("the first after the policy changed", asked) for asked in images * 2))
        yield Together(attempts=tuple(admit("the first after it changed back", asked) for asked in images))
        with bench.controlled.trust(release=False):
            yield Together(attempts=tuple(deny("the first after the trust changed", asked) for asked in images * 2))


def _outliving(bench: Bench) -> Iterator[Step]:
    asked = creation(bench.pinned(bench.signed()))
    yield admit("before the restart", asked)
    for policy in _DENYING:
        bench.controlled.restart()
        with bench.controlled.policy(policy):
            yield deny(f"the first of a new process, under the policy {policy}", asked)
            bench.controlled.restart()
            yield deny(f"the first of another one, under the policy {policy}", asked)
        bench.controlled.restart()
        yield admit("the first of a new process, under the old policy", asked)
    bench.controlled.restart()
    with bench.controlled.trust(release=False):
        yield deny("the first of a new process that does not trust the key", asked)


POLICY_CASES = (
    Case(
        number=5,
        title="Everything was verified a moment ago, and an input of the policy changed",
        sources=("Kyverno #17173",),
        parts=(
            part("another policy", _warm, Need.POLICY),
            part("another trust", _warm_trust, Need.TRUST),
            part("another repository", _other_repository),
            part("another namespace or service account", _subjects, Need.POLICY),
        ),
    ),
    Case(
        number=13,
        title="An identity that matches at one end, in one half, or not at all",
        sources=("CVE-2025-29778",),
        parts=(part("identities", _keyless(IDENTITY_FLAWS), Need.KEYLESS),),
    ),
    Case(
        number=14,
        title="A log entry or a timestamp that is genuine, and about something else or out of its time",
        sources=("CVE-2026-22703", "CVE-2022-23649", "CVE-2022-36056"),
        parts=(part("entries and timestamps", _keyless(LOG_FLAWS), Need.KEYLESS),),
    ),
    Case(
        number=17,
        title="A tenant's policy is chosen by the text of a request",
        sources=("CVE-2025-24376", "CVE-2025-24784", "CVE-2026-42541", "GHSA-6r7f-3fwq-hq74"),
        parts=(
            part("texts that name another policy", _chosen_by_text, Need.POLICY),
            part("namespaces of tenants", _namespaces, Need.TENANTS),
            part("pull secrets of another namespace", _pull_secrets, Need.PULL_SECRETS),
        ),
    ),
    Case(
        number=19,
        title="Two signatures have one half each of what one signature must have",
        sources=("Kyverno #14500", "Kyverno #14565"),
        parts=(part("split conditions", _keyless((SPLIT,)), Need.KEYLESS),),
    ),
    Case(
        number=24,
        title="One trust root or exception is broken or over: its own scope is denied, the rest goes on",
        sources=("Kyverno PolicyExceptions and trust roots in one scope",),
        parts=(
            part("a broken trust root", _one_broken_root, Need.TRUST, Need.KEYLESS, Need.READINESS),
            part("exceptions", _exceptions, Need.EXCEPTIONS),
        ),
    ),
    Case(
        number=27,
        title="Behaviour: every option of the policy changes a verdict when it is flipped",
        sources=("Kyverno #16853", "Kyverno #16817", "Kyverno #16815"),
        parts=(part("options", _options, Need.POLICY),),
    ),
    Case(
        number=29,
        title="Policy or trust is replaced while requests run: the next one is judged by the new",
        sources=("CVE-2021-43979",),
        parts=(
            part("replaced under load", _replaced_under_load, Need.POLICY, Need.TRUST),
            part("a cache that outlives its process", _outliving, Need.POLICY, Need.TRUST, Need.RESTART),
        ),
    ),
)
