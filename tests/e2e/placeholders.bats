# ${name} in native files: values come from mig.yaml alone.
load ../support/common
load ../support/migrations

setup() {
	common_setup
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		migrations:
		  dir: migrations
		  placeholders: {table: items, quoted: "it's \"so\"", owner: "o\"dd", count: "3"}
		environments: {development: {database: "dbname=$PGDATABASE"}}
	END
}

@test "values stand as they are, in quotes their quotes are doubled; comments, bodies and rows are kept" {
	revision r001 "" "Filled" <<-'END'
		-- migrate:up
		create table ${table} (a text, "${owner}" int); -- ${nosuch}
		/* ${nosuch} */ insert into ${table} values ('${quoted} ${ table', ${count}), (E'\'${quoted}', 1);
		create function f() returns text language sql as $$ select '${nosuch}' $$;
		copy ${table} from stdin;
		${nosuch}	5
		\.
		-- migrate:verify
		select count(*) = ${count} from ${table};
		-- migrate:down
		drop table ${table};
		drop function f;
	END
	expect 0 mig-apply upgrade
	[ "$(sql -c "select string_agg(a, '|' order by a collate \"C\") from items")" = "\${nosuch}|'it's \"so\"|it's \"so\" \${ table" ]
	[ "$(sql -c "select sum(\"o\"\"dd\") from items")" = 9 ]
	[ "$(sql -c "select f()")" = '${nosuch}' ]
	[ "$(sql -c "select up_sql like '%create table \${table}%' and down_sql like 'drop table \${table};%' from mig.history")" = t ]
	sed -i 's/table: items/table: things/' mig.yaml
	expect 0 mig-apply current --check
	sed -i 's/table: things/table: items/' mig.yaml
	expect 0 mig-apply downgrade -1 -y
	[ "$(sql -c "select to_regclass('items') is null")" = t ]
}

@test "an unknown one is an error before anything runs, whatever the environment has" {
	export nosuch=here tabel=here
	while IFS='|' read -r line says; do
		rm -rf migrations
		revision r001 "" "Unknown" <<< $'-- migrate:up\ncreate table t (i int);\n'"$line"
		echo "case: $line"
		expect 3 mig-apply upgrade
		says "migrations/r001_unknown.sql:7"
		says "$says"
		[ "$(sql -c "select count(*) from pg_class where relname in ('t', 'alembic_version')")" = 0 ]
	done <<-'END'
		select ${nosuch};|unknown placeholder ${nosuch}
		select '${nosuch}';|placeholders: {nosuch: ..}
		select 1 from ${tabel};|did you mean ${table}?
		select "${nosuch}";|unknown placeholder ${nosuch}
	END
}

@test "a value of several lines is refused; other formats have no placeholders" {
	sed -i 's/count: "3"/count: "1;\\n2"/' mig.yaml
	revision r001 "" "Lines" <<< $'-- migrate:up\nselect ${count};'
	expect 3 mig-apply upgrade
	says "one line"
	mkdir -p db/migrations
	printf -- "-- migrate:up\ncreate table t (a text default '\${nosuch}');\n-- migrate:down\n" > db/migrations/1_x.sql
	sed -i 's/dir: migrations/dir: db\/migrations/' mig.yaml
	expect 0 mig-apply upgrade
	[ "$(sql -c "insert into t default values returning a")" = '${nosuch}' ]
}
