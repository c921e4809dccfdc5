-- What the clients were promised against what the database holds. Reads run/orders.log (see writer.c)
-- and run/closings (one line per deploy, ms since 1970: closing began, closed, reopening began, open),
-- prints five numbers: acknowledged, lost, accepted inside a closing, turned away with 503 while the
-- shop was closed, answered otherwise (also: turned away while it was open).
create temp table answers (
	sent bigint, answered bigint, status int, id bigint, reference text
);
\copy answers from 'run/orders.log' (delimiter ' ', null '-')
create temp table closings (began bigint, closed bigint, reopening bigint, open bigint);
\copy closings from 'run/closings' (delimiter ' ')

create temp table judged as
select status,
	-- the reference too: after a restore a sequence may give the same id again
	not exists (select from orders o where o.id = a.id and o.reference = a.reference) as missing,
	exists (select from closings where sent >= closed and answered <= reopening) as inside,
	exists (select from closings where answered >= began and sent <= open) as at_closing
from answers a;

select count(*) filter (where status = 201),
	count(*) filter (where status = 201 and missing),
	count(*) filter (where status = 201 and inside),
	count(*) filter (where status = 503 and at_closing),
	count(*) filter (where status not in (201, 503) or status = 503 and not at_closing)
from judged;
