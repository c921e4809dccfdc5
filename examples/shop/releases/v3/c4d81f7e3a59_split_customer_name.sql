-- revision: c4d81f7e3a59
-- down_revision: 7b2e9d4c6a10
-- message: Customers have a given and a family name
-- created: 2026-11-18T16:45:00Z

-- Every statement here succeeds. The release that comes with it still reads customers.name, and
-- that column cannot be rebuilt exactly: this is the deploy that has to be caught and undone.

-- migrate:up
alter table customers add column given_name text, add column family_name text;
update customers
set given_name = split_part(name, ' ', 1), family_name = split_part(name, ' ', 2);
alter table customers alter column given_name set not null, drop column name;
update orders set note = 'checked' where id % 7 = 0;

-- migrate:down
alter table customers add column name text;
update customers set name = given_name || ' ' || family_name;
alter table customers alter column name set not null, drop column given_name,
	drop column family_name;
