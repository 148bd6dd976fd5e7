SELECT concat('{"order":', coalesce(
(SELECT concat('{"state":"', t1.state, '","ponr":', (t1.ponr)::text, ',"committedDueDate":', CASE WHEN t1.committed_due_date IS NULL THEN 'null' ELSE concat('"', to_char(greatest(t1.committed_due_date, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '"') END, ',"lineItemCounts":', 
(SELECT concat('[', string_agg(concat('{"state":"', t2.state, '","count":', (t2.lines)::text, '}'), ','
ORDER BY t2.state), ']')
FROM 
(SELECT line.state, count(*) AS lines
FROM order_line_item line
WHERE line.order_id = t1.id GROUP BY 1) t2), ',"revisions":', 
(SELECT concat('{"nodes":[', string_agg(concat('{"version":', (t3.version)::text, ',"operation":', to_json(t3.operation)::text, ',"changedBy":', to_json(t3.changed_by)::text, ',"changedAt":"', to_char(greatest(t3.changed_at, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '"}'), ','
ORDER BY t3.id), ']}')
FROM 
(SELECT t3.*
FROM order_revision t3
WHERE t3.order_id = t1.id
ORDER BY t3.id DESC LIMIT 5) AS t3), ',"events":', 
(SELECT concat('{"nodes":[', string_agg(concat('{"eventType":', to_json(t4.event_type)::text, ',"occurredAt":"', to_char(greatest(t4.occurred_at, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '"}'), ','
ORDER BY t4.id), ']}')
FROM 
(SELECT t4.*
FROM order_event t4
WHERE t4.order_id = t1.id
ORDER BY t4.id DESC LIMIT 5) AS t4), '}')
FROM customer_order t1
WHERE t1.external_id = $1::text
ORDER BY t1.number DESC LIMIT 1), 'null'), '}')
