package assay.lib.selection_test

import data.assay.lib.selection

question := {"request": {"tenant": "t", "environment": "e"}, "context": {"time_s": 100}}

configured := {"t": {"e": {"mandatory": {"evidence": ["a.b", "c.d"], "request": ["r.s"]}}}}

index := {
	"a.b": {"effective_s": 0, "may_be_empty": false},
	"c.d": {"effective_s": 101, "may_be_empty": true},
}

test_the_rule_data_of_the_tenant_and_environment_is_taken if {
	selection.rules == configured.t.e with input as question with data.rule_data as configured
}

test_an_unknown_tenant_has_no_rules if {
	not selection.rules with input as question with data.rule_data as {"other": configured.t}
}

test_an_unknown_environment_has_no_rules if {
	not selection.rules with input as question with data.rule_data as {"t": {"other": {}}}
}

test_a_code_binds_from_its_effective_date_on if {
	selection.binding("evidence") == {"a.b"} with input as question
		with data.rule_data as configured
		with data.rule_index as index
	selection.binding("evidence") == {"a.b", "c.d"} with input as object.union(question, {"context": {"time_s": 101}})
		with data.rule_data as configured
		with data.rule_index as index
}

test_every_code_binds_without_an_index if {
	selection.binding("evidence") == {"a.b", "c.d"} with input as question with data.rule_data as configured
}

test_looking_at_nothing_is_not_enough if {
	selection.enough("a.b", 1) with data.rule_index as index
	not selection.enough("a.b", 0) with data.rule_index as index
}

test_looking_at_nothing_is_enough_where_the_rule_says_so if {
	selection.enough("c.d", 0) with data.rule_index as index
}

trying(modes) := {"t": {"e": object.union(configured.t.e, {"modes": modes})}}

test_a_rule_that_is_switched_off_is_not_selected if {
	rules := trying({"a.b": "off"})
	selection.selected("evidence") == {"c.d"} with input as question with data.rule_data as rules
	selection.binding("evidence") == {"c.d"} with input as question with data.rule_data as rules
}

test_a_rule_that_warns_or_is_on_trial_is_selected_and_does_not_bind if {
	rules := trying({"a.b": "warn", "c.d": "shadow"})
	selection.selected("evidence") == {"a.b", "c.d"} with input as question with data.rule_data as rules
	selection.binding("evidence") == set() with input as question with data.rule_data as rules
}

test_a_rule_that_is_enforced_by_name_binds if {
	rules := trying({"a.b": "enforce"})
	selection.binding("evidence") == {"a.b", "c.d"} with input as question with data.rule_data as rules
}
