# What a snapshot says about extensions and collations, against the server it is restored into.
load ../support/common
load ../support/copies
setup() {
	common_setup
	write_config
	forge=$BATS_TEST_DIRNAME/../support/forge.py
}

@test "extensions that are missing or only older are listed, all of them, before anything is made: 17" {
	sql -c "create extension hstore" -c "create table t (h hstore)" -c "insert into t values ('a=>1')"
	mig-backup create -q --to good.mig.tar
	expect 0 mig-restore ./good.mig.tar
	[[ $output != *"extension"* ]]
	mig-restore drop "$(databases | grep __r_)" --yes > /dev/null
	"$forge" good.mig.tar bad.mig.tar '
m["extensions"][0]["version"] = "99.1"
m["extensions"].append({"name": "no_such", "version": "1.0", "schema": "public"})
m["roles"].append("nobody_here")'
	expect 17 mig-restore ./bad.mig.tar --json
	says 'extension \"hstore\" 99.1 (here is'
	says 'extension \"no_such\"'
	says 'role \"nobody_here\"'
	expect 17 mig-verify backup ./bad.mig.tar --restore
	expect 17 mig-restore ./bad.mig.tar --to-db "${DB}_new"
	[ "$(databases)" = "$DB" ]
}

@test "an extension that will be newer is said, and restored" {
	sql -c "create extension hstore version '1.4'" -c "create table t (h hstore)" -c "insert into t values ('a=>1')"
	mig-backup create -q
	expect 0 mig-restore latest --json
	says '"event":"extension_version"'
	says '"snapshot":"1.4"'
	local copy
	copy=$(databases | grep __r_)
	[ "$(sql -d "$copy" -c "select extversion from pg_extension where extname = 'hstore'")" != 1.4 ]
	[ "$(sql -d "$copy" -c "select h -> 'a' from t")" = 1 ]
}

@test "collations of another version: said, with what may differ; every index is built anew" {
	sql postgres -c "select 1 from pg_collation where collname = 'en-x-icu'" | grep -q 1 || skip "no ICU here"
	sql postgres -c "drop database $DB" \
		-c "create database $DB template template0 locale_provider icu icu_locale 'en' encoding utf8"
	sql -c "create collation mine (provider = icu, locale = 'de')" \
		-c "create table t (a text, b text collate mine, c text collate \"sv-x-icu\")" \
		-c "create index on t (b)" -c "insert into t values ('a', 'b', 'c')"
	mig-backup create -q --to good.mig.tar
	expect 0 mig-restore ./good.mig.tar --json
	[[ $output != *collation_version* ]]
	[[ $output != *collation_stale* ]]
	"$forge" good.mig.tar other.mig.tar '
m["database"]["collation_actual_version"] = m["database"]["collation_version"] = "7.1"
for c in m["collations"]: c["actual_version"] = c["version"] = "7.2"'
	expect 0 mig-restore ./other.mig.tar --json
	[ "$(grep -c '"event":"collation_version"' <<< "$output")" = 3 ]
	says '"snapshot":"7.1"'
	says "all indexes are built anew"
	says "range partitions and CHECK constraints"
	"$forge" good.mig.tar stale.mig.tar '
for c in m["collations"]: c["version"] = "6.0"'
	expect 0 mig-restore ./stale.mig.tar --json
	[ "$(grep -c '"event":"collation_stale"' <<< "$output")" = 2 ]
	says "REINDEX"
	# a snapshot that did not record the locale, of an earlier tool, says nothing wrong
	"$forge" good.mig.tar early.mig.tar '
m["database"].pop("collation_actual_version")
for c in m["collations"]: c.pop("locale"); c["actual_version"] = c["version"] = "7"'
	expect 0 mig-restore ./early.mig.tar --json
	[[ $output != *collation_version* ]]
}
