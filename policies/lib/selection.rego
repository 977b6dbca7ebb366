# METADATA
# scope: package
# title: Selection
# description: What the tenant of the question demands in the environment of the question.
# schemas:
#   - input: schema.assay_input_v1
package assay.lib.selection

# METADATA
# description: >-
#   The rule data of this tenant and environment. Undefined for a tenant or environment that nobody configured, and then
#   nothing can be proven.
rules := data.rule_data[input.request.tenant][input.request.environment]

# METADATA
# description: The mandatory codes of a stage, in force or not.
mandatory(stage) := {code | some code in rules.mandatory[stage]}

# METADATA
# description: >-
#   The mandatory codes of a stage that are in force at the time of the question and not switched off; never those of
#   another stage.
selected(stage) := (mandatory(stage) - pending) - in_mode({"off"})

# METADATA
# description: The selected codes of a stage that deny; those in the modes `shadow` and `warn` are told, no more.
binding(stage) := selected(stage) - in_mode({"shadow", "warn"})

# METADATA
# description: The codes that this tenant and environment put into one of these modes.
in_mode(modes) := {code | some code, mode in rules.modes; mode in modes}

# METADATA
# description: Codes whose effective date lies in the future, by the index that is made when the bundle is loaded.
pending contains code if {
	some code, entry in data.rule_index
	entry.effective_s > input.context.time_s
}

# METADATA
# description: Whether a rule that looked at this many things has proven anything.
default enough(_, _) := false

enough(_, checked) if checked > 0

enough(code, 0) if data.rule_index[code].may_be_empty == true
