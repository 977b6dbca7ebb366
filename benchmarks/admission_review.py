"""Reviews as an API server sends them for the creation of a Pod: defaulted, with the fields that nobody reads."""

import json
import uuid
from collections.abc import Sequence


def review(references: Sequence[str], *, namespace: str = "shop") -> bytes:
    """The AdmissionReview of a Pod with one container for each reference; its uid is new."""
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    return json.dumps(
        {
            "kind": "AdmissionReview",
            "apiVersion": "admission.k8s.io/v1",
            "request": {
                "uid": str(uuid.uuid4()),
                "kind": kind,
                "resource": resource,
                "requestKind": kind,
                "requestResource": resource,
                "namespace": namespace,
                "operation": "CREATE",
                "userInfo": _REPLICA_SET_CONTROLLER,
                "object": _pod(references, namespace),
                "oldObject": None,
                "dryRun": False,
                "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
            },
        },
        separators=(",", ":"),
    ).encode()


_REPLICA_SET_CONTROLLER = {
    "username": "system:serviceaccount:kube-system:replicaset-controller",
    "uid": "0d4a1f5e-0f3c-4b6e-9a53-3a3a0c6d1b57",
    "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
    "extra": {"authentication.kubernetes.io/credential-id": ["JTI=8f6d1d0e-6f0b-4a52-8d0e-9d6a2d0f1c11"]},
}
_OWNER = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "front-6c8d9f7b5d",
    "uid": "6a8e2f0a-93dc-4f24-8f7d-0a4c1a8b7c2e",
    "controller": True,
    "blockOwnerDeletion": True,
}
_TOKEN_VOLUME = {
    "name": "kube-api-access-x7k2p",
    "projected": {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                    ]
                }
            },
        ],
        "defaultMode": 420,
    },
}


def _pod(references: Sequence[str], namespace: str) -> dict[str, object]:
    labels = {"app": "front", "pod-template-hash": "6c8d9f7b5d", "tier": "web"}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "generateName": "front-6c8d9f7b5d-",
            "namespace": namespace,
            "creationTimestamp": None,
            "labels": labels,
            "ownerReferences": [_OWNER],
            "managedFields": [_managed_fields(labels, len(references))],
        },
        "spec": {
            "volumes": [_TOKEN_VOLUME],
            "containers": [_container(number, reference) for number, reference in enumerate(references)],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "front",
            "serviceAccount": "front",
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "schedulerName": "default-scheduler",
            "tolerations": [
                {
                    "key": f"node.kubernetes.io/{taint}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
                for taint in ("not-ready", "unreachable")
            ],
            "priority": 0,
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {},
    }


def _container(number: int, reference: str) -> dict[str, object]:
    probe = {"path": "/healthz", "port": 8080, "scheme": "HTTP"}
    return {
        "name": f"front-{number}",
        "image": reference,
        "args": ["--listen=:8080", f"--shard={number}"],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "north"}],
        "resources": {
            "limits": {"cpu": "500m", "memory": "256Mi"},
            "requests": {"cpu": "100m", "memory": "128Mi"},
        },
        "volumeMounts": [
            {
                "name": "kube-api-access-x7k2p",
                "readOnly": True,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            }
        ],
        "readinessProbe": {
            "httpGet": probe,
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
        },
    }


def _managed_fields(labels: dict[str, str], containers: int) -> dict[str, object]:
    images: dict[str, object] = {
        f'k:{{"name":"front-{number}"}}': {".": {}, "f:image": {}} for number in range(containers)
    }
    fields = {
        "f:metadata": {"f:generateName": {}, "f:labels": {".": {}} | {f"f:{name}": {} for name in labels}},
        "f:spec": {
            "f:containers": images,
            "f:restartPolicy": {},
            "f:securityContext": {".": {}, "f:runAsNonRoot": {}},
        },
    }
    return {
        "manager": "kube-controller-manager",
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
