"""What a PodSpec asks of its node."""

import pytest

from assay.domain.admission import PodFacts
from assay.domain.errors import InvalidInput
from assay.domain.field_path import Place
from assay_webhooks.pod_security import read_pod_facts

SAFE = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
SAFE_FACTS = PodFacts(seccomp=("RuntimeDefault",))


def _read(*contexts: object, **spec: object) -> PodFacts:
    """The facts of a PodSpec whose containers have these security contexts."""
    containers = [{"image": "nginx", "securityContext": context} for context in contexts]
    return read_pod_facts(Place(pointer="/spec", words="/spec", value={"containers": containers, **spec}))


def test_a_pod_that_says_nothing_has_the_defaults_of_kubernetes() -> None:
    assert _read(None) == PodFacts(root=True, escalation=True, seccomp=("",))
    assert _read(SAFE) == SAFE_FACTS


@pytest.mark.parametrize(
    ("spec", "facts"),
    [
        ({"hostNetwork": True, "hostIPC": False}, PodFacts(host_namespaces=("network",), seccomp=("RuntimeDefault",))),
        ({"hostPID": True, "hostIPC": True}, PodFacts(host_namespaces=("ipc", "pid"), seccomp=("RuntimeDefault",))),
        (
            {"volumes": [{"emptyDir": {}}, {"hostPath": {"path": "/"}}]},
            PodFacts(host_path=True, seccomp=SAFE_FACTS.seccomp),
        ),
        ({"volumes": [{"emptyDir": {}}]}, SAFE_FACTS),
        (
            {"securityContext": {"windowsOptions": {"hostProcess": True}}},
            PodFacts(privileged=True, seccomp=("RuntimeDefault",)),
        ),
    ],
)
def test_what_the_pod_asks_is_a_fact(spec: dict[str, object], facts: PodFacts) -> None:
    assert _read(SAFE, **spec) == facts


def test_one_container_is_enough_wherever_it_stands() -> None:
    bad = {"privileged": True, "capabilities": {"add": ["CAP_NET_ADMIN", "sys_time", "SYS_TIME"], "drop": ["ALL"]}}
    for name in ("initContainers", "ephemeralContainers"):
        facts = _read(SAFE, **{name: [{"image": "x", "securityContext": bad}]})
        assert facts == PodFacts(
            privileged=True,
            root=True,
            escalation=True,
            capabilities=("NET_ADMIN", "SYS_TIME"),
            seccomp=("", "RuntimeDefault"),
        )


@pytest.mark.parametrize(
    ("pod", "container", "root"),
    [
        ({"runAsNonRoot": True}, {}, False),
        ({"runAsNonRoot": True}, {"runAsNonRoot": False}, True),
        ({"runAsUser": 1000}, {}, False),
        ({"runAsUser": 1000}, {"runAsUser": 0}, True),
        ({"runAsUser": 0, "runAsNonRoot": True}, {}, True),
        ({"runAsUser": 0}, {"runAsUser": 1000}, False),
        ({}, {"runAsNonRoot": True}, False),
        ({}, {}, True),
    ],
)
def test_the_word_of_a_container_goes_before_that_of_its_pod(pod: object, container: object, *, root: bool) -> None:
    assert _read(container, securityContext=pod).root is root


def test_a_seccomp_profile_is_inherited() -> None:
    pod = {"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}}
    assert _read({}, SAFE, securityContext=pod).seccomp == ("Localhost", "RuntimeDefault")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"hostNetwork": "true"}, "/spec: a field hostNetwork is not a boolean"),
        ({"securityContext": []}, "/spec: a field securityContext is not an object"),
        ({"securityContext": {"runAsUser": True}}, "/spec: a field runAsUser is not an integer"),
        ({"securityContext": {"seccompProfile": {"type": 1}}}, "/spec: a field type is not a string"),
        ({"securityContext": {"windowsOptions": 1}}, "/spec: a field windowsOptions is not an object"),
        ({"volumes": {}}, "/spec: a field volumes is not a list"),
        ({"volumes": ["x"]}, "/spec: a field volumes is not an object"),
        ({"initContainers": [{"securityContext": 1}]}, "/spec: a field securityContext is not an object"),
        ({"ephemeralContainers": [{}, "x"]}, "/spec: a field ephemeralContainers is not an object"),
    ],
)
def test_a_field_of_a_wrong_type_is_refused_by_its_name(spec: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _read(SAFE, **spec)
    assert (caught.value.code, caught.value.message) == ("object_malformed", message)


@pytest.mark.parametrize("added", ["NET_ADMIN", [1], {"x": 1}])
def test_capabilities_of_a_wrong_type_are_refused(added: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        _read({"capabilities": {"add": added}})
    assert caught.value.code == "object_malformed"
    assert _read({"capabilities": {"add": ["NET_ADMIN"]}}).capabilities == ("NET_ADMIN",)


def test_equal_facts_are_written_in_one_way() -> None:
    with pytest.raises(ValueError, match="one way"):
        PodFacts(capabilities=("B", "A"))
