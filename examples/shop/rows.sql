-- About :rows rows of a shop that has been open for two years; the same rows every time.
-- psql -v rows=200000 -f rows.sql
\set ON_ERROR_STOP on
select greatest(1000, :rows / 10) as customers, greatest(100, :rows / 200) as products,
	:rows * 3 / 10 as orders \gset

begin;

insert into customers (id, email, name, country, settings, created_at)
select n, 'customer' || n || '@example.com',
	(array['Ada','Björn','Chloé','Dmitri','Emre','Fatima','Gonçalo','Hana','Iñigo','Jürgen'])[1 + n % 10]
		|| ' ' ||
	(array['Lovelace','Åkesson','Lefèvre','O''Neill','Yılmaz','van der Berg','Śliwa','Müller'])[1 + n % 8],
	(array['DE','FR','SE','PT','TR','NL','PL'])[1 + n % 7],
	jsonb_build_object('newsletter', n % 3 = 0, 'language',
		(array['de','fr','sv','pt','tr','nl','pl'])[1 + n % 7], 'tags',
		case when n % 11 = 0 then '["vip","early \"bird\""]'::jsonb else '[]' end),
	timestamptz '2024-11-01 08:00+00' + n * interval '600 days' / :customers
from generate_series(1, :customers) n;

insert into products (id, sku, name, price_cents, attributes)
select n, 'SKU-' || lpad(n::text, 6, '0'),
	(array['Tea pot','Lamp','Rain coat','Notebook','Bicycle bell','Mug'])[1 + n % 6] || ' no. ' || n,
	99 + (n * 7919) % 20000,
	jsonb_build_object('weight_g', 50 + (n * 31) % 4000, 'colour',
		(array['red','green','blue',null])[1 + n % 4])
from generate_series(1, :products) n;

insert into orders (id, reference, customer_id, status, note, placed_at)
select n, md5('order ' || n), 1 + (n * 7919::bigint) % :customers,
	(array['placed','paid','shipped','delivered','returned'])[1 + n % 5]::order_status,
	case when n % 13 = 0 then E'leave at the door\tor next door\nthanks \\o/' end,
	timestamptz '2024-12-01 08:00+00' + n * interval '600 days' / :orders
from generate_series(1, :orders) n;

insert into order_items (order_id, line, product_id, quantity, price_cents)
select n, line, p.id, 1 + (n + line) % 4, p.price_cents
from generate_series(1, :orders) n
cross join generate_series(1, 2) line
join products p on p.id = 1 + (n * 104729::bigint + line * 31) % :products;

select setval('customers_id_seq', :customers), setval('products_id_seq', :products),
	setval('orders_id_seq', :orders) \g /dev/null

commit;
analyze customers, products, orders, order_items;
