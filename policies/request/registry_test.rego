package assay.request.registry_test

import data.assay.request.registry

image(host, repository) := {"key": host, "registry": host, "repository": repository}

document(images) := {"request": {"tenant": "t", "environment": "e"}, "images": images}

allowing(registries) := {"t": {"e": {"allowed_registries": registries}}}

own := image("registry.example", "acme/app")

foreign := image("other.example", "acme/app")

test_an_image_of_an_allowed_registry_passes if {
	count(registry.deny) == 0 with input as document([own]) with data.rule_data as allowing(["registry.example"])
	registry.holds["registry.allowed"] with input as document([own])
		with data.rule_data as allowing(["registry.example/acme"])
	registry.checked["registry.allowed"] == 1 with input as document([own])
		with data.rule_data as allowing(["registry.example"])
}

test_only_the_foreign_image_is_named if {
	[found.image | some found in registry.deny] == ["other.example"] with input as document([own, foreign])
		with data.rule_data as allowing(["registry.example"])
	not registry.holds["registry.allowed"] with input as document([own, foreign])
		with data.rule_data as allowing(["registry.example"])
}

test_another_path_of_the_registry_is_denied if {
	count(registry.deny) == 1 with input as document([own]) with data.rule_data as allowing(["registry.example/ac"])
}

test_an_empty_list_allows_nothing if {
	count(registry.deny) == 1 with input as document([own]) with data.rule_data as allowing([])
}

test_a_tenant_without_rule_data_is_denied if {
	count(registry.deny) == 1 with input as document([own]) with data.rule_data as {}
}
