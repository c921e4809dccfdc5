# What docs/privileges.md promises: one role without superuser does everything.
load ../support/common

setup() {
	common_setup
	psql -Xq postgres <<-END
		create role shop_owner_$DB;
		create role app_$DB login;
		create role mig_$DB login createdb bypassrls;
		grant pg_read_all_data, pg_signal_backend, pg_read_all_stats to mig_$DB;
		alter database $DB owner to mig_$DB;
		grant shop_owner_$DB to mig_$DB;
	END
	psql -Xq "$DB" <<-END
		alter schema public owner to shop_owner_$DB;
		set role shop_owner_$DB;
		create table orders(id int primary key, note text);
		create sequence numbers;
		insert into orders select i, 'order ' || i from generate_series(1, 1000) i;
		grant select, insert on orders to app_$DB;
	END
	mkdir migrations
	cat > migrations/aaaaaaaaaaaa_x.sql <<-END
		-- revision: aaaaaaaaaaaa
		-- down_revision:
		-- message: add a column
		-- migrate:up
		alter table orders add column paid boolean;
		-- migrate:down
		alter table orders drop column paid;
	END
	cat > mig.yaml <<-END
		mig: 1
		project: shop
		environments:
		  test:
		    database: "host=$PGHOST port=$PGPORT user=mig_$DB dbname=$DB"
		    policy: {downgrade: allow, restore: allow}
		    maintenance: [{file: closed}, {database: read-only}]
	END
}

@test "safety_22 a role without superuser backs up, migrates, closes, restores and swaps" {
	expect 0 mig doctor
	says "mig_$DB may do all that mig's commands need"
	expect 0 mig backup create
	expect 0 mig verify backup latest
	expect 0 mig upgrade
	expect 0 mig current
	expect 0 mig doctor --pin
	expect 0 mig maintenance on
	expect 0 mig restore latest --swap --accept-loss --confirm "$DB" --yes
	[ "$(sql -c "select count(*) from orders" "$DB")" = 1000 ]
	[ "$(sql -c "select count(*) from information_schema.columns where column_name = 'paid'" "$DB")" = 0 ]
	[ "$(sql -c "select tableowner from pg_tables where tablename = 'orders'" "$DB")" = "shop_owner_$DB" ]
	[ "$(sql -c "select has_table_privilege('app_$DB', 'orders', 'insert')" "$DB")" = t ]
	expect 0 mig maintenance off
	expect 0 mig status
	says "displaced"
}
