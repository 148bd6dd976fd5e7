SELECT (('{"order":' || coalesce(
(SELECT (((('{"state":"' || coalesce((t1.state)::text, '')) || ('","ponr":' || coalesce((t1.ponr)::text, ''))) || ((',"committedDueDate":' || coalesce(CASE WHEN t1.committed_due_date IS NOT NULL THEN (('"' || to_char(greatest(t1.committed_due_date, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) || '"') END, 'null')) || ',"lineItemCounts":[')) || (((coalesce(
(SELECT string_agg(((('{"state":"' || coalesce((t2.state)::text, '')) || '","count":') || (coalesce((t2.lines)::text, '') || '}')), ','
ORDER BY t2.state)
FROM 
(SELECT line.state, count(*) AS lines
FROM order_line_item line
WHERE line.order_id = t1.id GROUP BY 1) t2), '') || '],"revisions":{"nodes":[') || coalesce(
(SELECT string_agg((((('{"version":' || coalesce((t3.version)::text, '')) || ',"operation":') || (coalesce(json_string(t3.operation)::text, '') || ',"changedBy":')) || ((coalesce(json_string(t3.changed_by)::text, '') || ',"changedAt":"') || (coalesce(to_char(greatest(t3.changed_at, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '') || '"}'))), ','
ORDER BY t3.id)
FROM 
(SELECT t3.version, t3.operation, t3.changed_by, t3.changed_at, t3.id
FROM order_revision t3
WHERE t3.order_id = t1.id
ORDER BY t3.id DESC LIMIT 5) AS t3), '')) || ((']},"events":{"nodes":[' || coalesce(
(SELECT string_agg(((('{"eventType":' || coalesce(json_string(t4.event_type)::text, '')) || ',"occurredAt":"') || (coalesce(to_char(greatest(t4.occurred_at, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '') || '"}')), ','
ORDER BY t4.id)
FROM 
(SELECT t4.event_type, t4.occurred_at, t4.id
FROM order_event t4
WHERE t4.order_id = t1.id
ORDER BY t4.id DESC LIMIT 5) AS t4), '')) || ']}}')))
FROM customer_order t1
WHERE t1.external_id = $1::text
ORDER BY t1.number DESC LIMIT 1), 'null')) || '}')
