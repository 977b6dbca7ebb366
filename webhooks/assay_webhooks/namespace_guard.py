"""A policy that keeps the names of exempt namespaces for those who may have them.

Nothing is judged in an exempt namespace, and while there is none of that name, whoever may create namespaces could make
it. The API server evaluates the policy by itself, as it does the static one.
"""

import json

from assay_webhooks.registration import NAME, Document, denying_policy

GUARD_NAME = f"{NAME}-exempt-namespaces"
"""The name of the policy and of its binding."""

_CREATION: Document = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["namespaces"],
    "scope": "Cluster",
}


def render_namespace_guard(exempt_namespaces: frozenset[str], *, creators: str) -> tuple[Document, Document]:
    """The policy and its binding: only members of the group `creators` create a namespace of an exempt name.

    Namespaces that exist stay as they are; a name cannot be changed. `exempt_namespaces` must not be empty.
    """
    names, group = json.dumps(sorted(exempt_namespaces)), json.dumps(creators)
    validation = {
        # Not `request.name`: it is empty where the API server makes the name.
        "expression": f"!(object.metadata.name in {names}) || {group} in request.userInfo.groups",
        "messageExpression": f"object.metadata.name + {json.dumps(_message(creators))}",
        "reason": "Forbidden",
    }
    return denying_policy(GUARD_NAME, [_CREATION], {"validations": [validation]})


def _message(creators: str) -> str:
    return f" is exempt from admission: only the group {creators} may create it"
