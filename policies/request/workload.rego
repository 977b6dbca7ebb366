# METADATA
# scope: package
# title: Workloads
# description: >-
#   What PodSpecs may ask of their node. A custom resource without PodSpec is judged in the Pods it starts. What is not
#   mandatory here says nothing: a warning about every Pod would teach to overlook warnings.
# schemas:
#   - input: schema.assay_request_v1
package assay.request.workload

import data.assay.lib.finding
import data.assay.lib.selection

# METADATA
# title: No privileged container
# description: No container may be privileged, or a Windows host process
# custom:
#   code: workload.privileged
#   severity: critical
#   requires: []
#   counts: pods
#   may_be_empty: true
#   solution: Remove privileged and hostProcess from the security contexts
#   owner: platform
deny contains found if {
	"workload.privileged" in selection.mandatory("request")
	some i, pod in input.request.k8s.pods
	not pod.privileged == false
	found := finding.about(rego.metadata.rule(), "", {
		"term": "privileged",
		"msg": "a container is privileged",
		"evidence": [["request", "k8s", "pods", i, "privileged"]],
	})
}

# METADATA
# title: No namespace of the host
# description: Pods may not share the host's network, process or IPC namespace
# custom:
#   code: workload.host_namespaces
#   severity: critical
#   requires: []
#   counts: pods
#   may_be_empty: true
#   solution: Remove hostNetwork, hostPID and hostIPC
#   owner: platform
deny contains found if {
	"workload.host_namespaces" in selection.mandatory("request")
	some i, pod in input.request.k8s.pods
	not count(pod.host_namespaces) == 0
	found := finding.about(rego.metadata.rule(), "", {
		"term": concat(",", pod.host_namespaces),
		"msg": "a Pod shares namespaces of its host",
		"evidence": [["request", "k8s", "pods", i, "host_namespaces"]],
	})
}

# METADATA
# title: No root
# description: Every container must be kept from running as root, by its own security context or that of its Pod
# custom:
#   code: workload.run_as_root
#   severity: high
#   requires: []
#   counts: pods
#   may_be_empty: true
#   solution: Set runAsNonRoot to true, or runAsUser to another user than 0
#   owner: platform
deny contains found if {
	"workload.run_as_root" in selection.mandatory("request")
	some i, pod in input.request.k8s.pods
	not pod.root == false
	found := finding.about(rego.metadata.rule(), "", {
		"term": "root",
		"msg": "nothing keeps a container from running as root",
		"evidence": [["request", "k8s", "pods", i, "root"]],
	})
}

holds["workload.privileged"] if every pod in input.request.k8s.pods {
	pod.privileged == false
}

holds["workload.host_namespaces"] if every pod in input.request.k8s.pods {
	count(pod.host_namespaces) == 0
}

holds["workload.run_as_root"] if every pod in input.request.k8s.pods {
	pod.root == false
}

checked["workload.privileged"] := count(input.request.k8s.pods)

checked["workload.host_namespaces"] := count(input.request.k8s.pods)

checked["workload.run_as_root"] := count(input.request.k8s.pods)
