load ../support/common

# The short form of the soak: every 37th statement of those at which it kills.
@test "safety_02 killed at a statement, mig's own included, up and down: the same command again completes" {
	BUILD=$(cd "$BUILD" && pwd)
	/usr/bin/python3 -c 'import alembic, psycopg2' 2>/dev/null || export KINDS="native dbmate"
	PATH=$BUILD/bin:$PATH EVERY=37 HOLDS="0 0.3" expect 0 "$BATS_TEST_DIRNAME/../soak.d/killed-statements"
	echo "$output"
	says "programs killed at a statement; the same command again completed each"
	says " native, up: 0"
	says " dbmate, down: 0"
}
