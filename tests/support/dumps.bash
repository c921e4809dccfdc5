# shellcheck shell=bash
# Dumps of pg_dump for tests.

# make_dump FORM: at ./dump
make_dump() {
	case $1 in
	custom) pg_dump -Fc -f dump "$DB" ;;
	raw) pg_dump -Fc -Z0 -f dump "$DB" ;;
	directory) pg_dump -Fd -f dump "$DB" ;;
	folder) pg_dump -Fd -Z0 -f dump "$DB" ;;
	tar) pg_dump -Ft -f dump "$DB" ;;
	plain) pg_dump -f dump "$DB" ;;
	inserts) pg_dump --inserts -f dump "$DB" ;;
	gzip) pg_dump "$DB" | gzip > dump ;;
	zstd) pg_dump "$DB" | zstd -q > dump ;;
	esac
}
