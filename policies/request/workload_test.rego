package assay.request.workload_test

import data.assay.request.workload

modest := {"host_namespaces": [], "host_path": false, "privileged": false, "root": false}

document(pods) := {"request": {"k8s": {"pods": pods}}}

codes := ["workload.privileged", "workload.host_namespaces", "workload.run_as_root"]

test_a_modest_pod_passes if {
	count(workload.deny) == 0 with input as document([modest])
	every code in codes {
		workload.holds[code] with input as document([modest])
		workload.checked[code] == 1 with input as document([modest])
	}
}

test_an_object_without_pod_spec_has_nothing_to_look_at if {
	every code in codes {
		workload.holds[code] with input as document([])
		workload.checked[code] == 0 with input as document([])
	}
}

refused(code, pod) if {
	{found.code | some found in workload.deny} == {code} with input as document([modest, pod])
	not workload.holds[code] with input as document([modest, pod])
}

test_a_privileged_container_is_denied if refused("workload.privileged", object.union(modest, {"privileged": true}))

test_a_namespace_of_the_host_is_denied if {
	refused("workload.host_namespaces", object.union(modest, {"host_namespaces": ["network"]}))
}

test_root_is_denied if refused("workload.run_as_root", object.union(modest, {"root": true}))

test_a_pod_without_facts_is_not_proven if {
	every code in codes {
		not workload.holds[code] with input as document([{}])
	}
}
