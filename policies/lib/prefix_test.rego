package assay.lib.prefix_test

import data.assay.lib.prefix

test_a_prefix_covers_itself_and_what_is_below if {
	prefix.covers("git+https://host.example/acme", "git+https://host.example/acme")
	prefix.covers("git+https://host.example/acme", "git+https://host.example/acme/app@v1")
	prefix.covers("git+https://host.example/acme/", "git+https://host.example/acme/app")
	prefix.covers("pkg:golang/host.example/tool", "pkg:golang/host.example/tool@v1.2.3")
}

test_a_prefix_ends_where_a_segment_ends if {
	not prefix.covers("git+https://host.example/acme", "git+https://host.example/acme-evil/app")
	not prefix.covers("registry.example", "registry.example.evil/app")
	not prefix.covers("registry.example", "registry.example:5000/app")
}

test_a_climbing_text_is_not_covered if {
	not prefix.covers("host.example/acme/", "host.example/acme/../evil")
	not prefix.covers("host.example/acme/", "host.example/acme/..")
	not prefix.covers("host.example/acme/", "host.example/acme/%2e%2e/evil")
}

test_an_empty_prefix_covers_nothing if {
	not prefix.covers("", "")
	not prefix.covers("", "/x")
}

test_values_of_other_types_cover_nothing if {
	not prefix.covers(1, "x")
	not prefix.covers("x", null)
}

test_a_host_is_never_a_user_name if {
	not prefix.covers("git+https://git.example", "git+https://git.example@evil.example/team-a/app")
	not prefix.covers("git.example", "git.example@evil.example/app")
	prefix.covers("git+https://git.example", "git+https://git.example/team-a/app@v1")
	prefix.covers("git+https://git.example/team-a/app", "git+https://git.example/team-a/app@v1")
	prefix.covers("git.example/app", "git.example/app@v1")
}
