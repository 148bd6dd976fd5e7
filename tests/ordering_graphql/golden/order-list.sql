SELECT concat('{"orders":', 
(SELECT concat('{"nodes":[', string_agg(concat('{"id":"', encode(uuid_send(t1.id), 'hex'), '","externalId":', coalesce(to_json(t1.external_id)::text, 'null'), ',"state":"', t1.state, '","createdAt":"', to_char(greatest(t1.created_at, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '","relatedParties":', 
(SELECT concat('[', string_agg(concat('{"name":', coalesce(to_json((t2.value->>'name'))::text, 'null'), ',"referredType":', coalesce(to_json((t2.value->>'@referredType'))::text, 'null'), '}'), ','
ORDER BY t2.position), ']')
FROM 
(SELECT value, position
FROM jsonb_array_elements(t1.related_parties) WITH ORDINALITY AS each (value, position)) t2), ',"lineItemCount":', (
(SELECT count(*)
FROM order_line_item line
WHERE line.order_id = t1.id))::text, '}'), ','
ORDER BY t1.nth) FILTER (WHERE t1.nth <= 20), '],"pageInfo":{"hasNextPage":', (count(t1.nth) > 20)::text, ',"endCursor":', coalesce('"' || (array_agg(translate(encode(convert_to(json_build_array(1, 'CREATED_DESC', t1.number)::text, 'UTF8'), 'base64'), E'+/=\n', '-_')
ORDER BY t1.nth DESC) FILTER (WHERE t1.nth <= 20))[1] || '"', 'null'), '}}')
FROM 
(SELECT t1.*, row_number() OVER (ORDER BY t1.number DESC) AS nth
FROM customer_order t1
WHERE (t1.state = ANY ($2::text[]) AND jsonb_path_query_array(t1.related_parties, '$[*].id') ?| ARRAY
(SELECT $3::text UNION SELECT names.name
FROM party CROSS JOIN LATERAL (VALUES (encode(uuid_send(party.id), 'hex')), (party.external_id)) AS names (name)
WHERE (party.id = substring($3::text
FROM '^[0-9a-f]{32}$')::uuid OR party.external_id = $3::text) AND names.name IS NOT NULL)) AND (t1.number) < ($1::bigint)
ORDER BY t1.number DESC LIMIT 21) AS t1), '}')
