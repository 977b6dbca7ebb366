package system.authz_test

import data.system.authz

test_the_two_questions_and_health_are_allowed if {
	authz.allow with input as {"method": "POST", "path": ["v1", "data", "assay", "main", "evidence"]}
	authz.allow with input as {"method": "POST", "path": ["v1", "data", "assay", "main", "request"]}
	authz.allow with input as {"method": "GET", "path": ["health"]}
}

test_policies_and_data_cannot_be_written if {
	not authz.allow with input as {"method": "PUT", "path": ["v1", "policies", "x"]}
	not authz.allow with input as {"method": "PUT", "path": ["v1", "data", "assay", "main", "evidence"]}
	not authz.allow with input as {"method": "PATCH", "path": ["v1", "data"]}
	not authz.allow with input as {"method": "DELETE", "path": ["v1", "policies", "x"]}
}

test_everything_else_is_refused if {
	not authz.allow with input as {"method": "GET", "path": ["v1", "config"]}
	not authz.allow with input as {"method": "POST", "path": ["v1", "query"]}
	not authz.allow with input as {"method": "POST", "path": ["v1", "data", "rule_data"]}
	not authz.allow with input as {"method": "POST", "path": ["health"]}
	not authz.allow with input as {}
}
