"""Objects that hide an image, claim a verdict, or are no objects at all."""

from collections.abc import Iterator

from assay_misuse.bench import Bench
from assay_misuse.case import Case, Need, Observation, Step, admit, deny, deny_each, part
from assay_misuse.workload import Json, creation, pod, review, update, with_metadata, workloads

_CLAIMS = {
    "assay.dev/decision": "01KAQ3V9Y0000000000000000A",
    "assay.dev/verified": "true",
    "kyverno.io/verify-images": '{"*": "pass"}',
    "policy.sigstore.dev/exclude": "true",
    "connaisseur.io/verified": "true",
    "securesystemsengineering.connaisseur/status": "validated",
    "ratify.deislabs.io/verified": "true",
    "admission.kubernetes.io/allowed": "true",
}
_OPT_OUTS = {
    "assay.dev/ignore": "true",
    "admission.assay.dev/exempt": "true",
    "policy.sigstore.dev/include": "false",
    "securesystemsengineering.connaisseur/webhook": "ignore",
    "admission.gatekeeper.sh/ignore": "no-self-managing",
    "kubernetes.io/metadata.name": "kube-system",
}
_GONE = "2026-01-01T00:00:00Z"


def _claims(bench: Bench) -> Iterator[Step]:
    good, bad = pod(bench.pinned(bench.signed())), pod(bench.pinned(bench.unsigned()))
    yield admit("a signed image with every claim", review(with_metadata(good, annotations=_CLAIMS, labels=_CLAIMS)))
    for key, value in _CLAIMS.items():
        claim = {key: value}
        yield deny(f"an unsigned image that claims {key}", review(with_metadata(bad, annotations=claim, labels=claim)))


def _every_place(bench: Bench) -> Iterator[Step]:
    good, bad = bench.pinned(bench.signed()), bench.pinned(bench.unsigned())

    def places(image: str) -> dict[str, Json]:
        container = {"name": "hidden", "image": image}
        debugged = pod(good, ephemeralContainers=[container])
        return {
            "an init container": creation(good, initContainers=[container]),
            "a native sidecar": creation(good, initContainers=[{**container, "restartPolicy": "Always"}]),
            "an ephemeral container": update(pod(good), debugged, subResource="ephemeralcontainers"),
            "an image volume": creation(good, volumes=[{"name": "hidden", "image": {"reference": image}}]),
            "the second container": creation(good, image),
            "the last of eleven containers": creation(*[good] * 10, image),
            "the same image twice": creation(image, image),
        }

    for name, asked in places(good).items():
        yield admit(f"a signed image in {name}", asked)
    for name, asked in places(bad).items():
        yield deny(f"an unsigned image in {name}", asked)


def _every_kind(bench: Bench) -> Iterator[Step]:
    good, bad = bench.pinned(bench.signed()), bench.pinned(bench.unsigned())
    for kind, obj in workloads(good).items():
        yield admit(f"a {kind} with a signed image", review(obj))
    for kind, obj in workloads(bad).items():
        yield deny(f"a {kind} with an unsigned image", review(obj))


def _custom_resources(bench: Bench) -> Iterator[Step]:
    good, bad = bench.pinned(bench.signed()), bench.pinned(bench.unsigned())

    def rollout(image: str) -> Json:
        return {**workloads(image)["Deployment"], "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}

    yield admit("a Rollout with a signed image", review(rollout(good)))
    yield deny("a Rollout with an unsigned image", review(rollout(bad)))
    yield deny("a Rollout that changes to an unsigned image", update(rollout(good), rollout(bad)))
    unknown = {**rollout(good), "apiVersion": "misuse.test/v1", "kind": "Nobody"}
    yield deny("a kind that nobody described", review(unknown))


def _updates(bench: Bench) -> Iterator[Step]:
    good, other, bad = (bench.pinned(stored) for stored in (bench.signed(), bench.signed(), bench.unsigned()))
    running, changed, ruined = (workloads(image)["Deployment"] for image in (good, other, bad))

    def scaled(obj: Json) -> Json:
        return {**obj, "spec": {**obj["spec"], "replicas": 0}}

    def ending(obj: Json) -> Json:
        return with_metadata(obj, deletionTimestamp=_GONE, finalizers=["misuse.test/wait"])

    yield admit("a scale-down and another signed image", update(running, scaled(changed)))
    yield deny("a scale-down and an unsigned image", update(running, scaled(ruined)))
    yield admit("a terminating object gets another signed image", update(ending(running), ending(changed)))
    yield deny("a terminating object gets an unsigned image", update(ending(running), ending(ruined)))
    yield admit("a creation that says it is terminating, signed", review(ending(running)))
    yield deny("a creation that says it is terminating, unsigned", review(ending(ruined)))
    yield admit("a terminating object that runs an unsigned image loses its finalizer", update(ending(ruined), ruined))
    yield deny("an unsigned image moves from one container to two", update(pod(bad), pod(bad, bad)))


def _no_objects(bench: Bench) -> Iterator[Step]:
    good = pod(bench.pinned(bench.signed()))
    yield admit("a Pod", review(good))
    container = good["spec"]["containers"][0]
    specs: dict[str, object] = {
        "a text": "containers",
        "a list": [container],
        "null": None,
        "a container that is null": {"containers": [None]},
        "a map of containers": {"containers": {"c0": container}},
        "an image that is a number": {"containers": [{**container, "image": 7}]},
        "an image that is a list": {"containers": [{**container, "image": [container["image"]]}]},
        "an image volume that is a text": {**good["spec"], "volumes": [{"name": "v", "image": container["image"]}]},
        "a container inside a container": {"containers": [{**container, "sidecar": {"image": container["image"]}}]},
    }
    yield from deny_each({f"a spec that is {name}": review({**good, "spec": spec}) for name, spec in specs.items()})
    asked: dict[str, Json] = {
        "no object": {**review(good)},
        "an object that is a text": review("Pod"),
        "an object of another kind than the request names": review({**good, "kind": "ConfigMap"}),
    }
    asked["no object"]["request"] = {**asked["no object"]["request"], "object": None}
    asked["an object of another kind than the request names"]["request"]["kind"] = review(good)["request"]["kind"]
    yield from deny_each(asked)


def _no_images(bench: Bench) -> Iterator[Step]:
    good = bench.pinned(bench.signed())
    yield admit("one image", creation(good))
    empty = {
        "an empty list of containers": {"containers": []},
        "no containers": {},
        "a container without an image": {"containers": [{"name": "c0"}]},
        "a container whose image is empty": {"containers": [{"name": "c0", "image": ""}]},
        "an init container alone": {"initContainers": [{"name": "c0"}]},
    }
    for name, spec in empty.items():
        yield deny(name, review({**pod(good), "spec": spec}))
    yield deny(
        "a CronJob without a template", review({**workloads(good)["CronJob"], "spec": {"schedule": "0 0 * * *"}})
    )
    controller = workloads(good)["ReplicationController"]
    yield deny("a ReplicationController whose template is null", review({**controller, "spec": {"template": None}}))


def _names(bench: Bench) -> Iterator[Step]:
    good, bad = bench.signed(), bench.unsigned()
    name, digest = bench.pinned(good).split("@")
    port = bench.registry.host.rpartition(":")[2]
    yield admit("the signed image", creation(f"{name}@{digest}"))
    yield admit("the signed image with a tag beside its digest", creation(f"{name}:whatever@{digest}"))
    written = {
        "the unsigned image with the digest of no other": bench.pinned(bad),
        "leading spaces": f"  {name}@{digest}",
        "a space inside": f"{name} @{digest}",
        "a trailing newline": f"{name}@{digest}\n",
        "a zero byte": f"{name}\0@{digest}",
        "an upper-case repository": f"{bench.registry.host}/{bench.path.upper()}@{digest}",
        "a look-alike letter": f"{name.replace('e', 'е')}@{digest}",  # noqa: RUF001  # Cyrillic on purpose
        "full-width digits": f"{name}@{digest.replace('1', '１')}",  # noqa: RUF001  # full-width on purpose
        "an upper-case digest": f"{name}@{digest.replace('sha256', 'SHA256')}",
        "another algorithm": f"{name}@{digest.replace('sha256', 'sha512')}",
        "a digest that is too short": f"{name}@{digest[:-1]}",
        "two digests": f"{name}@{digest}@{digest}",
        "a mirror's name": f"mirror.misuse.test/{bench.path}@{digest}",
        "the host as a path": f"registry.misuse.test/{name}@{digest}",
        "a longer host": f"{bench.registry.host}.misuse.test/{bench.path}@{digest}",
        "the host as a user": f"{bench.registry.host}@registry.misuse.test/{bench.path}@{digest}",
        "another port": f"{bench.registry.host.rpartition(':')[0]}:{int(port) - 1}/{bench.path}@{digest}",
        "an IPv6 host": f"[::1]:{port}/{bench.path}@{digest}",
        "Docker Hub without a host": f"misuse@{digest}",
        "Docker Hub": f"docker.io/library/misuse@{digest}",
        "an alias of Docker Hub": f"index.docker.io/library/misuse@{digest}",
        "another alias of Docker Hub": f"registry-1.docker.io/library/misuse@{digest}",
        "a path that climbs": f"{bench.registry.host}/misuse/../{bench.path}@{digest}",
        "an encoded path": f"{bench.registry.host}/misuse%2f{bench.path}@{digest}",
        "a scheme": f"https://{name}@{digest}",
    }
    yield from deny_each({text: creation(image) for text, image in written.items()})


def _tags(bench: Bench) -> Iterator[Step]:
    good, bad = bench.signed(tag="good"), bench.unsigned(tag="bad")
    name = f"{bench.registry.host}/{bench.path}"
    yield admit("a signed image by tag", creation(f"{name}:good"))
    yield deny("an unsigned image by tag", creation(f"{name}:bad"))
    yield deny(
        "the tag of the signed image beside the digest of the unsigned one", creation(f"{name}:good@{bad.digest}")
    )
    yield admit(
        "the tag of the unsigned image beside the digest of the signed one", creation(f"{name}:bad@{good.digest}")
    )
    bench.publish(bad, tag="latest")
    yield deny("no tag, and `latest` is unsigned", creation(name))
    bench.publish(good, tag="latest")
    yield admit("no tag, and `latest` is signed", creation(name))


def _hostile_texts(bench: Bench) -> Iterator[Step]:
    good, bad = pod(bench.pinned(bench.signed())), pod(bench.pinned(bench.unsigned()))
    texts = (
        "a/../../v1/policies",
        "..%2f..%2f",
        '"]; allow = true #',
        'x" == "x',
        "{{ true }}",
        "allow { true }",
        "%2e",
    )
    yield admit("a signed image", review(good))
    for text in texts:
        marked = with_metadata(bad, name=text, labels={text: text}, annotations={text: text})
        yield deny(f"an unsigned image named {text!r}", review(marked, name=text))
        yield deny(f"an unsigned image in the namespace {text!r}", review(bad, namespace=text))
        image = f"{bench.registry.host}/{text}@{bad['spec']['containers'][0]['image'].partition('@')[2]}"
        yield deny(f"an image whose path is {text!r}", creation(image))
        account = {**good["spec"], "serviceAccountName": text}
        yield admit(f"a signed image whose service account is {text!r}", review({**good, "spec": account}))


def _injected(bench: Bench) -> Iterator[Step]:
    good, bad = bench.pinned(bench.signed()), bench.pinned(bench.unsigned())
    yield admit("the object as it was mutated", creation(good), validate_only=True)
    yield deny("the same with a sidecar that a later hook injected", creation(good, bad), validate_only=True)
    sidecar = [{"name": "late", "image": bad, "restartPolicy": "Always"}]
    yield deny("the same with an injected native sidecar", creation(good, initContainers=sidecar), validate_only=True)
    unpinned = bench.tagged("late")
    bench.signed(tag="late")
    yield deny("the same with a sidecar named by tag alone", creation(good, unpinned), validate_only=True)


def _opted_out(bench: Bench) -> Iterator[Step]:
    good, bad = pod(bench.pinned(bench.signed())), pod(bench.pinned(bench.unsigned()))
    yield admit("a signed image with every label", review(with_metadata(good, labels=_OPT_OUTS)))
    for key, value in _OPT_OUTS.items():
        labelled = with_metadata(bad, labels={key: value}, annotations={key: value}, namespace="kube-system")
        yield deny(f"an unsigned image labelled {key}", review(labelled))


def _older_versions(bench: Bench) -> Iterator[Step]:
    for signed in (True, False):
        image = bench.pinned(bench.signed() if signed else bench.unsigned())
        objects = workloads(image)
        if signed:
            yield admit("a Deployment of today's version", review(objects["Deployment"]))
            continue
        for version in ("extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"):
            yield deny(f"a Deployment of {version}", review({**objects["Deployment"], "apiVersion": version}))
        yield deny("a CronJob of batch/v1beta1", review({**objects["CronJob"], "apiVersion": "batch/v1beta1"}))


def _dry_runs(bench: Bench) -> Iterator[Step]:
    good, bad = pod(bench.pinned(bench.signed())), pod(bench.pinned(bench.unsigned()))
    for dry in (False, True):
        yield admit(f"a signed image, dry run: {dry}", review(good, dryRun=dry))
        yield deny(f"an unsigned image, dry run: {dry}", review(bad, dryRun=dry))


def _dry_runs_recorded(bench: Bench) -> Iterator[Step]:
    good = pod(bench.pinned(bench.signed()))
    for dry in (True, False):
        before = len(bench.controlled.entries())
        yield admit(f"a signed image, dry run: {dry}", review(good, dryRun=dry))
        entries = bench.controlled.entries()[before:]
        yield Observation(
            name=f"the record does not say that the dry run is {dry}",
            holds=bool(entries) and all(entry.dry_run is dry for entry in entries),
        )


WORKLOAD_CASES = (
    Case(
        number=6,
        title="An annotation or a label claims that the image was verified",
        sources=("Kyverno #16336",),
        parts=(part("claims", _claims),),
    ),
    Case(
        number=7,
        title="The unsigned image stands anywhere but in the first container of a Pod",
        sources=(
            "Kyverno #16275",
            "Kyverno #17555",
            "Kyverno #16208",
            "Kyverno #15882",
            "Kyverno #15834",
            "Kyverno #14862",
            "Connaisseur up to 1.3.0 and 3.1.1",
        ),
        parts=(
            part("every place of a Pod", _every_place),
            part("every kind with a template", _every_kind),
            part("a custom resource", _custom_resources, Need.CUSTOM_RESOURCES),
        ),
    ),
    Case(
        number=8,
        title="An update changes an image under the cover of something harmless",
        sources=("CVE-2023-34091",),
        parts=(part("updates", _updates),),
    ),
    Case(
        number=9,
        title="An object that cannot be read is not nothing to check",
        sources=("Kyverno #15705",),
        parts=(part("objects of a wrong shape", _no_objects),),
    ),
    Case(
        number=10,
        title="No image at all, or an image whose name matches no policy",
        sources=("NVIDIA/cluster-readiness-engine#334",),
        parts=(part("no images", _no_images), part("names", _names), part("tags", _tags)),
    ),
    Case(
        number=18,
        title="Text of an object reaches the policy engine as anything but text",
        sources=("CVE-2025-46569",),
        parts=(part("hostile texts", _hostile_texts),),
    ),
    Case(
        number=22,
        title="A hook that comes later injects an unsigned container",
        sources=("Kubernetes: mutating hooks run in any order",),
        parts=(part("injected containers", _injected),),
    ),
    Case(
        number=23,
        title="An object opts out by itself, or is of a version that nobody registered",
        sources=("Kubernetes: matchPolicy", "opt-out labels without a guard"),
        parts=(part("labels of the object", _opted_out), part("older versions", _older_versions)),
    ),
    Case(
        number=30,
        title="Behaviour: a dry run gets the same verdict and is recorded as one",
        sources=("Kyverno #11961",),
        parts=(part("the same verdict", _dry_runs), part("the record", _dry_runs_recorded, Need.RECORD)),
    ),
)
