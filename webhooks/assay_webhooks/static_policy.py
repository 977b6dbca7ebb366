"""A policy that the API server evaluates by itself, also while no webhook answers.

It keeps two rules that need no evidence: images are named by digest, and come from the registries that the rule data
of their namespace's tenant allows. A ValidatingAdmissionPolicy in CEL, generated from the webhook's own configuration.
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay_webhooks.registration import (
    KUBERNETES_RESOURCES,
    NAME,
    PODS,
    Document,
    denying_policy,
    namespace_selector,
    resource_rules,
)

_PINNED = "^[A-Za-z0-9._:/\\[\\]-]+@sha256:[0-9a-f]{64}$"
_HUB = "^(?:index[.]|registry-1[.])?docker[.]io/"
_HOSTED = "^(?:localhost|[^/]*[.:][^/]*)/"
_ENDS_ITSELF = ("/", "@", ":")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedRegistries:
    """What namespaces with one of these names and all of these labels may run; without either, every namespace.

    `prefixes` are those of the rule `registry.allowed`: a registry, or a path in one. Where that rule denies nobody
    (`any_registry`) they do not count.
    """

    names: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[str, ...] = ()
    any_registry: bool = False


def render_static_policy(
    allowed: Sequence[AllowedRegistries], *, exempt_namespaces: frozenset[str], templates: bool
) -> tuple[Document, Document]:
    """The policy and its binding.

    The first of `allowed` that matches a namespace counts; one that none matches may run nothing, as with the webhook.
    `templates` extends the rules from Pods to what makes Pods. An update that changes no image passes. Custom
    resources are not looked at: their Pods are.
    """
    resources = KUBERNETES_RESOURCES if templates else (PODS,)
    return denying_policy(
        NAME,
        resource_rules(resources),
        {"variables": _variables(allowed, templates=templates), "validations": _validations()},
        where={"namespaceSelector": namespace_selector(exempt_namespaces)},
    )


def _variables(allowed: Sequence[AllowedRegistries], *, templates: bool) -> list[Document]:
    # Variables are evaluated when they are first used: nothing looks at an old object that is not there.
    expressions = {
        "podSpec": _pod_spec("object", templates=templates),
        "oldPodSpec": _pod_spec("oldObject", templates=templates),
        "images": _images("variables.podSpec"),
        "unchanged": f"request.operation == 'UPDATE' && variables.images == {_images('variables.oldPodSpec')}",
        "canonical": f"variables.images.map(i, i.lowerAscii()).map(i, {_canonical()})",
        "allowed": _patterns(allowed),
    }
    return [{"name": name, "expression": expression} for name, expression in expressions.items()]


def _validations() -> list[Document]:
    pinned = f"i.matches({_text(_PINNED)})"
    covered = "!i.contains('/..') && variables.allowed.exists(p, i.matches(p))"
    return [
        {
            "expression": f"variables.unchanged || variables.images.all(i, {pinned})",
            "messageExpression": _listing("not pinned by digest: ", f"variables.images.filter(i, !{pinned})"),
            "reason": "Forbidden",
        },
        {
            "expression": f"variables.unchanged || variables.canonical.all(i, {covered})",
            "messageExpression": _listing(
                "from a registry that is not allowed: ", f"variables.canonical.filter(i, !({covered}))"
            ),
            "reason": "Forbidden",
        },
    ]


def _listing(words: str, images: str) -> str:
    return f"{_text(words)} + {images}.join(', ')"


def _images(pod_spec: str) -> str:
    lists = [
        f"{pod_spec}.?{field}.orValue([]).map(c, c.?image.orValue(''))"
        for field in ("containers", "initContainers", "ephemeralContainers")
    ]
    volumes = f"{pod_spec}.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))"
    return " + ".join([*lists, volumes])


def _pod_spec(name: str, *, templates: bool) -> str:
    # `dyn` keeps the type check from demanding each field of each kind.
    anything = f"dyn({name})"
    if not templates:
        return f"{anything}.spec"
    paths = {"Pod": "spec", "PodTemplate": "template.spec", "CronJob": "spec.jobTemplate.spec.template.spec"}
    choices = "".join(f"{anything}.kind == '{kind}' ? {anything}.{path} : " for kind, path in paths.items())
    return f"{choices}{anything}.spec.template.spec"


def _canonical() -> str:
    """An image in the form that rules match: Docker Hub and its `library/` written out, one name for its aliases."""
    rest = "i.substring(i.indexOf('/') + 1)"
    return f"i.matches({_text(_HUB)}) ? ({_on_hub(rest)}) : i.matches({_text(_HOSTED)}) ? i : ({_on_hub('i')})"


def _on_hub(path: str) -> str:
    return f"{path}.contains('/') ? 'docker.io/' + {path} : 'docker.io/library/' + {path}"


def _patterns(allowed: Sequence[AllowedRegistries]) -> str:
    expression = "[]"
    for each in reversed(allowed):
        wanted = [""] if each.any_registry else [_pattern(prefix) for prefix in each.prefixes]
        patterns = f"[{', '.join(map(_text, wanted))}]"
        condition = _condition(each)
        expression = f"{condition} ? {patterns} : {expression}" if condition else patterns
    return expression


def _condition(allowed: AllowedRegistries) -> str:
    """When a namespace is meant; empty for every namespace."""
    labels = "namespaceObject.metadata.?labels"
    parts = [f"{labels}[?{_text(key)}].orValue('') == {_text(value)}" for key, value in allowed.labels]
    if allowed.names:
        parts.insert(0, f"request.namespace in [{', '.join(map(_text, allowed.names))}]")
    return " && ".join(parts)


def _pattern(prefix: str) -> str:
    """The expression for what a prefix covers: it ends where a segment ends, as in `policies/lib/prefix.rego`."""
    begin = f"^{re.escape(prefix)}"
    if prefix.endswith(_ENDS_ITSELF):
        return begin
    # Behind a host `:` begins a port, which makes it another registry; behind a path it begins a tag.
    return f"{begin}[/:@]" if "/" in prefix else f"{begin}/"


def _text(value: str) -> str:
    """A CEL string literal; its escapes are those of JSON."""
    return json.dumps(value)
