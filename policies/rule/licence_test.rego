package assay.rule.licence_test

import data.assay.rule.licence

judged(expression, state, choices) := {
	"request": {"tenant": "t", "environment": "e"},
	"sbom": [{
		"packages": [{"id": "first"}, {"id": "second"}],
		"licences": [
			{"expression": "MIT", "state": "valid", "choices": [["MIT"]], "packages": [0]},
			{"expression": expression, "state": state, "choices": choices, "packages": [1]},
		],
	}],
}

demand(tolerant) := {"t": {"e": {"denied_licences": ["GPL-3.0-only"], "allow_unknown_licences": tolerant}}}

denied := [found | some found in licence.deny; found.code == "licence.denied"]

unknown := [found | some found in licence.deny; found.code == "licence.unknown"]

test_a_choice_without_denied_licences_is_enough if {
	document := judged("GPL-3.0-only OR MIT", "valid", [["GPL-3.0-only"], ["MIT"]])
	count(licence.deny) == 0 with input as document with data.rule_data as demand(false)
	object.keys(licence.holds) == {"licence.denied", "licence.unknown"} with input as document
		with data.rule_data as demand(false)
}

test_a_denied_licence_in_every_choice_is_denied if {
	document := judged("GPL-3.0-only AND MIT", "valid", [["GPL-3.0-only", "MIT"]])
	[found.term | some found in denied] == ["second"] with input as document with data.rule_data as demand(false)
	not licence.holds["licence.denied"] with input as document with data.rule_data as demand(false)
}

test_an_expression_without_choices_is_denied if {
	count(denied) == 1 with input as judged("MIT", "valid", []) with data.rule_data as demand(false)
}

test_what_cannot_be_judged_is_not_acceptable if {
	some state in ["unknown", "none", "noassertion", "invalid"]
	document := judged("?", state, [])
	count(denied) == 1 with input as document with data.rule_data as demand(false)
	count(unknown) == 1 with input as document with data.rule_data as demand(false)
}

test_what_cannot_be_judged_is_left_to_the_other_rule_on_demand if {
	document := judged("?", "noassertion", [[]])
	count(denied) == 0 with input as document with data.rule_data as demand(true)
	count(unknown) == 1 with input as document with data.rule_data as demand(true)
	object.keys(licence.holds) == {"licence.denied"} with input as document with data.rule_data as demand(true)
}

test_an_unknown_word_hides_no_denied_licence if {
	some state in ["unknown", "none", "noassertion", "invalid"]
	hiding := judged("?", state, [["GPL-3.0-only"]])
	count(denied) == 1 with input as hiding with data.rule_data as demand(true)
	count(denied) == 0 with input as judged("?", state, [["MIT"]]) with data.rule_data as demand(true)
}

test_every_package_is_counted if {
	licence.checked == {"licence.denied": 2, "licence.unknown": 2} with input as judged("MIT", "valid", [["MIT"]])
		with data.rule_data as demand(false)
}

test_a_tenant_without_rule_data_is_denied if {
	count(denied) == 2 with input as judged("MIT", "valid", [["MIT"]]) with data.rule_data as {}
}
