package assay.request.workload_test

import data.assay.request.workload

modest := {"host_namespaces": [], "host_path": false, "privileged": false, "root": false}

document(pods) := {"request": {"tenant": "t", "environment": "e", "k8s": {"pods": pods}}}

demanding(mandatory) := {"t": {"e": {"mandatory": {"request": mandatory}}}}

codes := ["workload.privileged", "workload.host_namespaces", "workload.run_as_root"]

test_a_modest_pod_passes if {
	count(workload.deny) == 0 with input as document([modest]) with data.rule_data as demanding(codes)
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
		with data.rule_data as demanding([code])
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

bold := {"host_namespaces": ["network"], "host_path": true, "privileged": true, "root": true}

test_what_nobody_demands_says_nothing if {
	count(workload.deny) == 0 with input as document([bold]) with data.rule_data as demanding(["digest.required"])
	count(workload.deny) == 0 with input as document([bold]) with data.rule_data as {}
	every code in codes {
		{found.code | some found in workload.deny} == {code} with input as document([bold])
			with data.rule_data as demanding([code])
		not workload.holds[code] with input as document([bold])
	}
}
