-- What the client was promised against what the database holds. Reads run/orders.log (see writer.c)
-- and run/closings (closed and reopened, ms since 1970: one line per deploy), prints five numbers:
-- acknowledged, lost, accepted inside a closing, turned away with 503, answered otherwise.
create temp table answers (
	sent bigint, answered bigint, status int, id bigint, reference text
);
\copy answers from 'run/orders.log' (delimiter ' ', null '-')
create temp table closings (closed bigint, reopened bigint);
\copy closings from 'run/closings' (delimiter ' ')

select count(*) filter (where status = 201),
	-- the reference too: after a restore a sequence may give the same id again
	count(*) filter (where status = 201 and not exists (
		select from orders o where o.id = a.id and o.reference = a.reference)),
	count(*) filter (where status = 201 and exists (
		select from closings c where a.sent >= c.closed and a.answered <= c.reopened)),
	count(*) filter (where status = 503),
	count(*) filter (where status not in (201, 503))
from answers a;
