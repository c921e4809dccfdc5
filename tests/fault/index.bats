# README.md, the index of the fault tests, names tests that are there.
@test "every line of the index names a test that is there" {
	cd "$BATS_TEST_DIRNAME"
	local file name named=0
	while IFS='|' read -r _ _ row _; do
		row=${row# }
		row=${row% }
		file=${row%%: *}
		name=${row#*: }
		grep -qF "@test \"$name\"" "$file" || {
			echo "no such test: $file: $name"
			return 1
		}
		named=$((named + 1))
	done < <(grep -E '^\|.*\.bats: ' README.md)
	[ $named -gt 50 ]
}
