# METADATA
# title: Who may call the engine
# description: >-
#   Whoever reaches the socket may ask the two questions and for the engine's health. Policies, data and configuration
#   can neither be read nor written.
package system.authz

default allow := false

allow if {
	input.method == "POST"
	input.path == ["v1", "data", "assay", "main", "evidence"]
}

allow if {
	input.method == "POST"
	input.path == ["v1", "data", "assay", "main", "request"]
}

allow if {
	input.method == "GET"
	input.path == ["health"]
}
