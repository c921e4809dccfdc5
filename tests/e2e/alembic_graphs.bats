load ../support/common
load ../support/alembic
setup() {
	need_alembic
	common_setup
}

@test "random graphs, as trees and as native files: the same steps and rows as by Alembic itself" {
	seed=${SEED:-$RANDOM}
	echo "# seed $seed" >&3
	expect 0 /usr/bin/python3 "$BATS_TEST_DIRNAME/../support/graph_trees.py" "${GRAPHS:-24}" "$seed"
	echo "$output"
	says " same"
}

@test "headers: what is read without Python is what Python says, also of mutated ones" {
	seed=${SEED:-$RANDOM}
	echo "# seed $seed" >&3
	expect 0 /usr/bin/python3 "$BATS_TEST_DIRNAME/../support/header_fuzz.py" \
		"$BUILD/support/python_ask" "${HEADERS:-4000}" "$seed"
	says " same"
}
