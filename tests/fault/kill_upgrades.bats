load ../support/common

# The short form of the soak: killed before one of their statements, completed by the next.
@test "upgrades of native files and of Alembic trees that are killed are completed by the next" {
	BUILD=$(cd "$BUILD" && pwd)
	PATH=$BUILD/bin:$PATH ROUNDS=2 expect 0 "$BATS_TEST_DIRNAME/../soak.d/killed-upgrades"
	echo "$output"
	says "10 upgrades killed before a statement; every one was completed by the next"
}
