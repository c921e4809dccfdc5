-- revision: 7b2e9d4c6a10
-- down_revision: 1f0c5a8e2b31
-- message: Orders remember the channel they came by
-- created: 2026-10-12T14:30:00Z

-- migrate:up
alter table orders add column channel text not null default 'unknown';
alter table orders add constraint orders_channel_known
	check (channel in ('unknown', 'web', 'phone', 'shop')) not valid;
alter table orders validate constraint orders_channel_known;
create index orders_channel on orders (channel, placed_at);

-- migrate:down
alter table orders drop column channel;
