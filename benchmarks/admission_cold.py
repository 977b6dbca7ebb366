"""Rows about images that nobody asked about before."""

from collections.abc import Iterator, Sequence
from statistics import median

from assay.domain.reference import Reference
from benchmarks.admission_bench import Bench, Run
from benchmarks.admission_warm import cpu, reviews
from benchmarks.figure import Figure
from benchmarks.vegeta import LoadError

_STARTS, _IMAGES, _PODS = 5, 20, 5
_MOST_REQUESTS, _AT_ONCE = 6, 2


def cold_reviews(bench: Bench, share: int) -> Iterator[Figure]:
    """The first review of a fresh process, one more image, eight different ones."""
    del share  # a handful of reviews, each of which needs images of its own
    runs = [_first_review(bench, image) for image in bench.push_images(_STARTS, path="first")]
    yield from _figures("admission, cold, first review of a fresh process", runs, goal=25)
    bench.closed(reviews(bench.push_images(1, path="settled"), _PODS), connections=8)
    images = bench.push_images(_IMAGES, path="another")
    runs = [bench.closed(reviews([image], 1), connections=1) for image in images]
    yield from _figures("admission, cold, another image", runs, goal=12)
    pods = [bench.push_images(8, path=f"pod-{number}") for number in range(_PODS)]
    runs = [bench.closed(reviews(pod, 1), connections=1) for pod in pods]
    yield from _figures("admission, cold, 8 different images", runs, goal=40)


def few_requests(bench: Bench, share: int) -> Iterator[Figure]:
    """Requests that reach the registry, with five authorities of which one signed, in one bundle.

    One bundle is not enough for an allow; what is there is fetched all the same.
    """
    del share
    one = bench.push_images(1, path="one", attested=False)
    yield from _requests(bench, [*one] * 8, "8 containers of one image")
    # A repository for each: the path of a request names that, and not the image that it is about.
    eight = [image for number in range(8) for image in bench.push_images(1, path=f"eight-{number}", attested=False)]
    yield from _requests(bench, eight, "8 different images")


def _requests(bench: Bench, images: Sequence[Reference], what: str) -> Iterator[Figure]:
    tally = bench.proxy.count_anew()
    run = bench.closed(reviews(images, 1), connections=1, allowed=False)
    if tally.requests.keys() != {image.repository.path for image in images}:
        raise LoadError(f"the figure is void: requests about {', '.join(tally.requests)}")
    label = f"admission, cold, 5 authorities, {what}"
    most = max(tally.requests.values())
    yield Figure(name=f"{label}: registry requests of an image", value=most, unit="", goal=_MOST_REQUESTS)
    least = _AT_ONCE if len(tally.requests) > 1 else None
    yield Figure(name=f"{label}: at once", value=tally.most_at_once, unit="", goal=least, at_least=True)
    yield cpu(label, run)


def _first_review(bench: Bench, image: Reference) -> Run:
    bench.restart()
    return bench.closed(reviews([image], 1), connections=1)


def _figures(label: str, runs: Sequence[Run], *, goal: float) -> Iterator[Figure]:
    """The median latency and the mean of the CPU time: the kernel counts that in hundredths of a second."""
    milliseconds = median(run.attack.milliseconds(1) for run in runs)
    yield Figure(name=f"{label}: median", value=milliseconds, unit="ms", goal=goal)
    whole = Run(
        attack=type(runs[0].attack)(shots=[shot for run in runs for shot in run.attack.shots]),
        cpu_seconds=sum(run.cpu_seconds for run in runs),
    )
    yield cpu(label, whole)
