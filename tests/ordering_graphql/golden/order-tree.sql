SELECT (('{"order":' || coalesce(
(SELECT (((('{"id":"' || coalesce((encode(uuid_send(t1.id), 'hex'))::text, '')) || ('","externalId":' || coalesce(json_string(t1.external_id)::text, 'null'))) || ((',"state":"' || coalesce((t1.state)::text, '')) || '","version":')) || (((coalesce((t1.version)::text, '') || ',"priceTotals":[') || coalesce(
(SELECT string_agg(((('{"priceType":' || coalesce(json_string(t2.price_type)::text, 'null')) || (',"recurringChargePeriod":' || coalesce(json_string(t2.period)::text, 'null'))) || ((',"taxIncludedAmount":' || coalesce(CASE WHEN t2.tax_included IS NOT NULL THEN (('"' || (t2.tax_included)::text) || '"') END, 'null')) || '}')), ','
ORDER BY t2.price_type, t2.period)
FROM 
(SELECT price.value->>'priceType' AS price_type, price.value->>'recurringChargePeriod' AS period, sum((price.value#>>'{price,taxIncludedAmount,value}')::numeric * coalesce(line.quantity, 1)) AS tax_included, sum((price.value#>>'{price,dutyFreeAmount,value}')::numeric * coalesce(line.quantity, 1)) AS duty_free, count(DISTINCT line.id) AS lines
FROM order_line_item line, jsonb_array_elements(line.item_prices) AS price
WHERE line.order_id = t1.id AND line.action <> 'delete' AND line.state NOT IN ('canceled', 'rejected') GROUP BY 1, 2) t2), '')) || (('],"rootLineItems":[' || coalesce(
(SELECT string_agg(((((('{"id":"' || coalesce(('LineItem:' || encode(uuid_send(t3.id), 'hex'))::text, '')) || '","itemId":') || (coalesce(json_string(t3.item_id)::text, '') || ',"action":')) || (((coalesce(json_string(t3.action)::text, '') || ',"state":"') || coalesce((t3.state)::text, '')) || ('","quantity":' || coalesce(CASE WHEN t3.quantity IS NOT NULL THEN (('"' || (t3.quantity)::text) || '"') END, 'null')))) || ((((',"offering":' || CASE WHEN t3.product_offering IS NULL THEN 'null' ELSE (('{"name":' || coalesce(json_string((t3.product_offering->>'name'))::text, 'null')) || '}') END) || ',"characteristics":[') || (coalesce(
(SELECT string_agg(((('{"name":' || coalesce(json_string(t4.name)::text, 'null')) || (',"value":' || coalesce((t4.value)::text, 'null'))) || ((',"previousValue":' || coalesce((t4.previous_value)::text, 'null')) || '}')), ','
ORDER BY t4.id)
FROM order_characteristic_value t4
WHERE t4.order_id = t3.order_id AND t4.line_item_id = t3.id), '') || '],"requiredBy":[')) || ((coalesce(
(SELECT string_agg((('{"itemId":' || coalesce(json_string(t5.item_id)::text, '')) || '}'), ','
ORDER BY t5.position)
FROM 
(SELECT line.*
FROM 
(SELECT DISTINCT jsonb_array_elements_text(t6.map->t3.item_id) AS item_id) AS wanted CROSS JOIN LATERAL 
(SELECT *
FROM order_line_item
WHERE order_id = t3.order_id AND item_id = wanted.item_id LIMIT 1) AS line) t5), '') || '],"children":[') || (coalesce(
(SELECT string_agg(((((('{"id":"' || coalesce(('LineItem:' || encode(uuid_send(t7.id), 'hex'))::text, '')) || '","itemId":') || (coalesce(json_string(t7.item_id)::text, '') || ',"action":')) || (((coalesce(json_string(t7.action)::text, '') || ',"state":"') || coalesce((t7.state)::text, '')) || ('","quantity":' || coalesce(CASE WHEN t7.quantity IS NOT NULL THEN (('"' || (t7.quantity)::text) || '"') END, 'null')))) || ((((',"offering":' || CASE WHEN t7.product_offering IS NULL THEN 'null' ELSE (('{"name":' || coalesce(json_string((t7.product_offering->>'name'))::text, 'null')) || '}') END) || ',"characteristics":[') || (coalesce(
(SELECT string_agg(((('{"name":' || coalesce(json_string(t8.name)::text, 'null')) || (',"value":' || coalesce((t8.value)::text, 'null'))) || ((',"previousValue":' || coalesce((t8.previous_value)::text, 'null')) || '}')), ','
ORDER BY t8.id)
FROM order_characteristic_value t8
WHERE t8.order_id = t7.order_id AND t8.line_item_id = t7.id), '') || '],"requiredBy":[')) || ((coalesce(
(SELECT string_agg((('{"itemId":' || coalesce(json_string(t9.item_id)::text, '')) || '}'), ','
ORDER BY t9.position)
FROM 
(SELECT line.*
FROM 
(SELECT DISTINCT jsonb_array_elements_text(t6.map->t7.item_id) AS item_id) AS wanted CROSS JOIN LATERAL 
(SELECT *
FROM order_line_item
WHERE order_id = t7.order_id AND item_id = wanted.item_id LIMIT 1) AS line) t9), '') || '],"children":[') || (coalesce(
(SELECT string_agg(((((('{"id":"' || coalesce(('LineItem:' || encode(uuid_send(t10.id), 'hex'))::text, '')) || '","itemId":') || (coalesce(json_string(t10.item_id)::text, '') || ',"action":')) || ((coalesce(json_string(t10.action)::text, '') || ',"state":"') || (coalesce((t10.state)::text, '') || '","quantity":'))) || (((coalesce(CASE WHEN t10.quantity IS NOT NULL THEN (('"' || (t10.quantity)::text) || '"') END, 'null') || ',"offering":') || (CASE WHEN t10.product_offering IS NULL THEN 'null' ELSE (('{"name":' || coalesce(json_string((t10.product_offering->>'name'))::text, 'null')) || '}') END || ',"characteristics":[')) || ((coalesce(
(SELECT string_agg(((('{"name":' || coalesce(json_string(t11.name)::text, 'null')) || (',"value":' || coalesce((t11.value)::text, 'null'))) || ((',"previousValue":' || coalesce((t11.previous_value)::text, 'null')) || '}')), ','
ORDER BY t11.id)
FROM order_characteristic_value t11
WHERE t11.order_id = t10.order_id AND t11.line_item_id = t10.id), '') || '],"requiredBy":[') || (coalesce(
(SELECT string_agg((('{"itemId":' || coalesce(json_string(t12.item_id)::text, '')) || '}'), ','
ORDER BY t12.position)
FROM 
(SELECT line.*
FROM 
(SELECT DISTINCT jsonb_array_elements_text(t6.map->t10.item_id) AS item_id) AS wanted CROSS JOIN LATERAL 
(SELECT *
FROM order_line_item
WHERE order_id = t10.order_id AND item_id = wanted.item_id LIMIT 1) AS line) t12), '') || ']}')))), ','
ORDER BY t10.position)
FROM order_line_item t10
WHERE t10.order_id = t7.order_id AND t10.parent_line_item_id = t7.id), '') || ']}')))), ','
ORDER BY t7.position)
FROM order_line_item t7
WHERE t7.order_id = t3.order_id AND t7.parent_line_item_id = t3.id), '') || ']}')))), ','
ORDER BY t3.position)
FROM order_line_item t3
WHERE t3.order_id = t1.id AND t3.parent_line_item_id IS NULL), '')) || ']}')))
FROM customer_order t1
LEFT JOIN LATERAL 
(SELECT jsonb_object_agg(target, sources)
FROM 
(SELECT relation.value->>'id' AS target, jsonb_agg(line.item_id
ORDER BY line.position) AS sources
FROM order_line_item line, jsonb_array_elements(line.relationships) AS relation
WHERE line.order_id = t1.id AND relation.value->>'relationshipType' = 'Requires' AND relation.value->>'id' IS NOT NULL GROUP BY 1) AS required) AS t6 (map) ON true
WHERE t1.id = $1::uuid
ORDER BY t1.number DESC LIMIT 1), 'null')) || '}')
