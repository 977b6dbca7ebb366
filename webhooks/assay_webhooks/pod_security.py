"""What a PodSpec asks of its node: the facts that Pod security rules are about.

It runs for every review, so nothing is built but the facts; an error names the PodSpec and the field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.domain.admission import PodFacts
from assay.domain.errors import InvalidInput
from assay.domain.field_path import Place

_NAMESPACES = {"ipc": "hostIPC", "network": "hostNetwork", "pid": "hostPID"}
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")

_Members = Mapping[str, object]
_NOTHING: _Members = {}


def read_pod_facts(pod_spec: Place) -> PodFacts:
    """The facts of a PodSpec over all its containers.

    A fact about a container is the container's own word, or else that of its Pod. Where nobody says anything it is
    the less safe one, because the defaults of Kubernetes are. Raises `InvalidInput(object_malformed)` for a field of
    a wrong type; the message names it, never what stands there.
    """
    try:
        return _read(_as_object(pod_spec.value, "spec"))
    except _WrongTypeError as error:
        raise InvalidInput(
            "object_malformed",
            f"{pod_spec.words}: {error}",
            remedy="send the object as its API type describes it",
        ) from error


class _WrongTypeError(Exception):
    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"a field {name} is not {expected}")


def _read(members: _Members) -> PodFacts:
    pod = _read_context(members)
    contexts = [
        _read_context(_as_object(container, name)) for name in _CONTAINERS for container in _list(members, name)
    ]
    return PodFacts(
        host_namespaces=tuple(name for name, flag in _NAMESPACES.items() if _flag(members, flag)),
        host_path=any(_mounts_host(_as_object(volume, "volumes")) for volume in _list(members, "volumes")),
        privileged=any(own.privileged for own in (pod, *contexts)),
        root=any(_may_be_root(own, pod) for own in contexts),
        escalation=any(own.escalation is not False for own in contexts),
        capabilities=tuple(sorted({name for own in contexts for name in own.capabilities})),
        seccomp=tuple(sorted({own.seccomp or pod.seccomp or "" for own in contexts})),
    )


def _mounts_host(volume: _Members) -> bool:
    return volume.get("hostPath") is not None


@dataclass(frozen=True, slots=True)
class _Context:
    """What the security context of a Pod or of a container says; None is what it does not say."""

    privileged: bool = False
    non_root: bool | None = None
    user: int | None = None
    escalation: bool | None = None
    capabilities: tuple[str, ...] = ()
    seccomp: str | None = None


_SILENT = _Context()


def _read_context(members: _Members) -> _Context:
    context = _object(members, "securityContext")
    if not context:
        return _SILENT
    host_process = _flag(_object(context, "windowsOptions"), "hostProcess")
    return _Context(
        privileged=bool(_flag(context, "privileged") or host_process),
        non_root=_flag(context, "runAsNonRoot"),
        user=_integer(context, "runAsUser"),
        escalation=_flag(context, "allowPrivilegeEscalation"),
        capabilities=tuple(map(_capability, _list(_object(context, "capabilities"), "add"))),
        seccomp=_text(_object(context, "seccompProfile"), "type"),
    )


def _may_be_root(own: _Context, pod: _Context) -> bool:
    user = pod.user if own.user is None else own.user
    non_root = pod.non_root if own.non_root is None else own.non_root
    return user == 0 or (user is None and non_root is not True)


def _object(members: _Members, name: str) -> _Members:
    value = members.get(name)
    return _NOTHING if value is None else _as_object(value, name)


def _as_object(value: object, name: str) -> _Members:
    if not isinstance(value, dict):
        raise _WrongTypeError(name, "an object")
    return value


def _list(members: _Members, name: str) -> Sequence[object]:
    value = members.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _WrongTypeError(name, "a list")
    return value


def _flag(members: _Members, name: str) -> bool | None:
    value = members.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise _WrongTypeError(name, "a boolean")


def _integer(members: _Members, name: str) -> int | None:
    value = members.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise _WrongTypeError(name, "an integer")


def _text(members: _Members, name: str) -> str | None:
    value = members.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _WrongTypeError(name, "a string")


def _capability(value: object) -> str:
    if not isinstance(value, str):
        raise _WrongTypeError("add of the capabilities", "a list of strings")
    return value.upper().removeprefix("CAP_")
