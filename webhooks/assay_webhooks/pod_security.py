"""What a PodSpec asks of its node: the facts that Pod security rules are about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from assay.domain.admission import PodFacts
from assay.domain.errors import InvalidInput
from assay.domain.field_path import Place

_NAMESPACES = {"ipc": "hostIPC", "network": "hostNetwork", "pid": "hostPID"}
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")

Members = Mapping[str, object]


def read_pod_facts(pod_spec: Place) -> PodFacts:
    """The facts of a PodSpec over all its containers.

    A fact about a container is the container's own word, or else that of its Pod. Where nobody says anything it is
    the less safe one, because the defaults of Kubernetes are. Raises `InvalidInput(object_malformed)` for a field of
    a wrong type; the message names its place.
    """
    members = _object(pod_spec)
    pod = _Security.read(_below(pod_spec, members, "securityContext"))
    containers = [pod.of_container(place) for place in _containers(pod_spec, members)]
    return PodFacts(
        host_namespaces=tuple(
            name for name, flag in _NAMESPACES.items() if _flag(_below(pod_spec, members, flag)) is True
        ),
        host_path=any(_object(volume).get("hostPath") is not None for volume in _items(pod_spec, members, "volumes")),
        privileged=any(container.privileged for container in containers),
        root=any(container.may_be_root for container in containers),
        escalation=any(container.escalation is not False for container in containers),
        capabilities=tuple(sorted({name for container in containers for name in container.capabilities})),
        seccomp=tuple(sorted({container.seccomp or "" for container in containers})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Security:
    """A security context of a Pod or of a container; None is what it does not say."""

    privileged: bool
    non_root: bool | None
    user: int | None
    escalation: bool | None
    capabilities: tuple[str, ...]
    seccomp: str | None

    @classmethod
    def read(cls, place: Place) -> "_Security":
        members = _object(place)
        windows = _below(place, members, "windowsOptions")
        host_process = _flag(_below(windows, _object(windows), "hostProcess"))
        seccomp = _below(place, members, "seccompProfile")
        capabilities = _below(place, members, "capabilities")
        return cls(
            privileged=_flag(_below(place, members, "privileged")) is True or host_process is True,
            non_root=_flag(_below(place, members, "runAsNonRoot")),
            user=_integer(_below(place, members, "runAsUser")),
            escalation=_flag(_below(place, members, "allowPrivilegeEscalation")),
            capabilities=tuple(map(_capability, _items(capabilities, _object(capabilities), "add"))),
            seccomp=_text(_below(seccomp, _object(seccomp), "type")),
        )

    def of_container(self, container: Place) -> "_Security":
        """The context of a container of this Pod."""
        own = _Security.read(_below(container, _object(container), "securityContext"))
        return _Security(
            privileged=own.privileged or self.privileged,
            non_root=self.non_root if own.non_root is None else own.non_root,
            user=self.user if own.user is None else own.user,
            escalation=own.escalation,
            capabilities=own.capabilities,
            seccomp=self.seccomp if own.seccomp is None else own.seccomp,
        )

    @property
    def may_be_root(self) -> bool:
        return self.user == 0 or (self.user is None and self.non_root is not True)


def _containers(pod_spec: Place, members: Members) -> Iterator[Place]:
    for name in _CONTAINERS:
        yield from _items(pod_spec, members, name)


def _items(place: Place, members: Members, name: str) -> Iterator[Place]:
    items = _below(place, members, name)
    if items.value is None:
        return
    if not isinstance(items.value, list):
        raise _malformed(items, "a list")
    for index, item in enumerate(items.value):
        yield items.member(str(index), item)


def _below(place: Place, members: Members, name: str) -> Place:
    return place.member(name, members.get(name))


def _object(place: Place) -> Members:
    if place.value is None:
        return {}
    if not isinstance(place.value, dict):
        raise _malformed(place, "an object")
    return place.value


def _flag(place: Place) -> bool | None:
    if place.value is None or isinstance(place.value, bool):
        return place.value
    raise _malformed(place, "a boolean")


def _integer(place: Place) -> int | None:
    if place.value is None or (isinstance(place.value, int) and not isinstance(place.value, bool)):
        return place.value
    raise _malformed(place, "an integer")


def _text(place: Place) -> str | None:
    if place.value is None or isinstance(place.value, str):
        return place.value
    raise _malformed(place, "a string")


def _capability(place: Place) -> str:
    return (_text(place) or "").upper().removeprefix("CAP_")


def _malformed(place: Place, expected: str) -> InvalidInput:
    return InvalidInput(
        "object_malformed", f"{place.words} is not {expected}", remedy="send the object as its API type describes it"
    )
