WITH t3 AS MATERIALIZED 
(SELECT ids
FROM 
(SELECT ARRAY
(SELECT t1.id
FROM customer_order t1
WHERE t1.state = ANY ($1::text[])
ORDER BY t1.state, t1.number LIMIT 1001) UNION ALL SELECT ARRAY
(SELECT t2.id
FROM customer_order t2
WHERE jsonb_path_query_array(t2.related_parties, '$[*].id') ?| ARRAY
(SELECT $2::text UNION SELECT names.name
FROM party CROSS JOIN LATERAL (VALUES (encode(uuid_send(party.id), 'hex')), (party.external_id)) AS names (name)
WHERE (party.id = substring($2::text
FROM '^[0-9a-f]{32}$')::uuid OR party.external_id = $2::text) AND names.name IS NOT NULL) LIMIT 1001) OFFSET 0) AS found (ids)
WHERE cardinality(ids) <= 1000
ORDER BY cardinality(ids) LIMIT 1) SELECT (('{"orders":{"nodes":[' || 
(SELECT (((coalesce(string_agg((((('{"id":"' || coalesce((encode(uuid_send(t4.id), 'hex'))::text, '')) || ('","externalId":' || coalesce(json_string(t4.external_id)::text, 'null'))) || ((',"state":"' || coalesce((t4.state)::text, '')) || '","createdAt":"')) || (((coalesce(to_char(greatest(t4.created_at, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '') || '","relatedParties":[') || coalesce(
(SELECT string_agg(((('{"name":' || coalesce(json_string((t5.value->>'name'))::text, 'null')) || ',"referredType":') || (coalesce(json_string((t5.value->>'@referredType'))::text, 'null') || '}')), ','
ORDER BY t5.position)
FROM 
(SELECT value, position
FROM jsonb_array_elements(t4.related_parties) WITH ORDINALITY AS each (value, position)) t5), '')) || (('],"lineItemCount":' || coalesce((
(SELECT count(*)
FROM order_line_item line
WHERE line.order_id = t4.id))::text, '')) || '}'))), ','
ORDER BY t4.nth) FILTER (WHERE t4.nth <= 20), '') || '],"pageInfo":{"hasNextPage":') || (count(t4.nth) > 20)::text) || (',"endCursor":' || coalesce('"' || (array_agg(translate(encode(convert_to(json_build_array(1, 'CREATED_DESC', t4.number)::text, 'UTF8'), 'base64'), E'+/=\n', '-_')
ORDER BY t4.nth DESC) FILTER (WHERE t4.nth <= 20))[1] || '"', 'null')))
FROM 
(SELECT t4.id, t4.external_id, t4.state, t4.created_at, t4.related_parties, t4.number, row_number() OVER (ORDER BY t4.number DESC) AS nth
FROM (
(SELECT t4.*
FROM 
(SELECT *
FROM customer_order those
WHERE id = ANY (
(SELECT ids
FROM t3)::uuid[]) OFFSET 0) t4
WHERE (t4.state = ANY ($1::text[]) AND jsonb_path_query_array(t4.related_parties, '$[*].id') ?| ARRAY
(SELECT $2::text UNION SELECT names.name
FROM party CROSS JOIN LATERAL (VALUES (encode(uuid_send(party.id), 'hex')), (party.external_id)) AS names (name)
WHERE (party.id = substring($2::text
FROM '^[0-9a-f]{32}$')::uuid OR party.external_id = $2::text) AND names.name IS NOT NULL)) AND (t4.number) < ($3::bigint)
ORDER BY t4.number DESC LIMIT 21) UNION ALL 
(SELECT t4.*
FROM customer_order t4
WHERE NOT EXISTS 
(SELECT
FROM t3) AND (t4.state = ANY ($1::text[]) AND jsonb_path_query_array(t4.related_parties, '$[*].id') ?| ARRAY
(SELECT $2::text UNION SELECT names.name
FROM party CROSS JOIN LATERAL (VALUES (encode(uuid_send(party.id), 'hex')), (party.external_id)) AS names (name)
WHERE (party.id = substring($2::text
FROM '^[0-9a-f]{32}$')::uuid OR party.external_id = $2::text) AND names.name IS NOT NULL)) AND (t4.number) < ($3::bigint)
ORDER BY t4.number DESC LIMIT 21)) t4
ORDER BY t4.number DESC LIMIT 21) AS t4)) || '}}}')
