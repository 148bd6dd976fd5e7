SELECT (('{"inboundRequests":{"totalCount":' || 
(SELECT (((
(SELECT count(*)
FROM inbound_request t1c
WHERE t1c.state = $1::text)::text || ',"nodes":[') || (coalesce(string_agg((((('{"id":"' || coalesce(('InboundRequest:' || encode(uuid_send(t1.id), 'hex'))::text, '')) || ('","orderId":"' || coalesce((encode(uuid_send(t1.id), 'hex'))::text, ''))) || (('","externalId":' || coalesce(json_string(t1.external_id)::text, 'null')) || (',"attempts":' || coalesce((t1.attempts)::text, '')))) || (((',"errorMessage":' || coalesce(json_string(coalesce(t1.error->0->>'message', t1.error_message))::text, 'null')) || (',"problems":[' || coalesce(
(SELECT string_agg(((('{"message":' || coalesce(json_string((t2.value->>'message'))::text, '')) || ',"pointer":') || (coalesce(json_string((t2.value->>'pointer'))::text, '') || '}')), ','
ORDER BY t2.position)
FROM 
(SELECT value, position
FROM jsonb_array_elements(t1.error) WITH ORDINALITY AS each (value, position)) t2), ''))) || (('],"endedAt":' || coalesce(CASE WHEN t1.ended_at IS NOT NULL THEN (('"' || to_char(greatest(t1.ended_at, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) || '"') END, 'null')) || '}'))), ','
ORDER BY t1.nth) FILTER (WHERE t1.nth <= 50), '') || '],"pageInfo":{"hasNextPage":')) || (((count(t1.nth) > 50)::text || ',"endCursor":') || coalesce('"' || (array_agg(translate(encode(convert_to(json_build_array(1, 'NUMBER_DESC', t1.number)::text, 'UTF8'), 'base64'), E'+/=\n', '-_')
ORDER BY t1.nth DESC) FILTER (WHERE t1.nth <= 50))[1] || '"', 'null')))
FROM 
(SELECT t1.id, t1.external_id, t1.attempts, t1.error, t1.error_message, t1.ended_at, t1.number, row_number() OVER (ORDER BY t1.number DESC) AS nth
FROM inbound_request t1
WHERE t1.state = $1::text
ORDER BY t1.number DESC LIMIT 51) AS t1)) || '}}}')
