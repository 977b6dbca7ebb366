# METADATA
# title: Prefixes
# description: Prefixes of URIs and repository names that end where a segment ends.
package assay.lib.prefix

# METADATA
# description: >-
#   Whether the text begins with the prefix and goes on with a new segment, so that `example.com/acme` does not cover
#   `example.com/acme-evil`. A text that climbs (`/../`) or hides characters (`%`) is never covered.
default covers(_, _) := false

covers(prefix, text) if {
	begins(prefix, text)
	not contains(text, "/../")
	not endswith(text, "/..")
	not contains(text, "%")
}

default begins(_, _) := false

begins(prefix, text) if {
	prefix != ""
	text == prefix
}

begins(prefix, text) if {
	prefix != ""
	startswith(text, prefix)
	ends_a_segment(prefix, substring(text, count(prefix), 1))
}

default ends_a_segment(_, _) := false

ends_a_segment(prefix, _) if substring(prefix, count(prefix) - 1, 1) in {"/", "@", ":"}

ends_a_segment(_, next) if next in {"/", "?", "#"}

# Behind a path `@` begins a revision; behind a mere host it would make that host a user name: `https://a@b/` is on b.
ends_a_segment(prefix, "@") if {
	parts := split(prefix, "://")
	contains(parts[count(parts) - 1], "/")
}
