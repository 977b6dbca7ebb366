package assay.lib.binding_test

import data.assay.lib.binding

test_an_image_that_stands_alone_is_bound_by_its_digest if {
	binding.accepted == {"sha256:aa"} with input.image as {"digest": "sha256:aa", "indexes": []}
}

test_the_indexes_of_an_image_bind_it_too if {
	image := {"digest": "sha256:aa", "indexes": ["sha256:ff", "sha256:ee"]}
	binding.accepted == {"sha256:aa", "sha256:ff", "sha256:ee"} with input.image as image
}

test_without_an_image_nothing_is_accepted if {
	not binding.accepted with input as {}
}
