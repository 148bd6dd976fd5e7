"""The messages that clients know, as data: the text, and the error code that goes with it.

Texts and codes 1, 23 and 102 are the Product Order Open API's, the other codes those of the list
that TM Forum APIs share; the source shows no others. `{...}` marks what is filled in. Messages
about shape (a string where a number belongs) come from the decoder and carry code 24.
"""

import msgspec

__all__ = ["REASONS", "Message"]

REASONS: dict[int, str] = {
    1: "Invalid payload: Order creation failed",
    5: "Service temporarily unavailable",
    20: "Invalid URL parameter value",
    21: "Missing body",
    22: "Invalid body",
    23: "Missing body field",
    24: "Invalid body field",
    25: "Missing header",
    26: "Invalid header value",
    27: "Missing query-string parameter",
    28: "Invalid query-string parameter value",
    40: "Missing credentials",
    41: "Invalid credentials",
    50: "Access denied",
    60: "Resource not found",
    61: "Method not allowed",
    63: "Request time-out",
    102: "Request in queue",
}


class Message(msgspec.Struct, frozen=True):
    """A text for clients and its error code (a key of `REASONS`)."""

    text: str
    code: int


# -- the body as a whole ---------------------------------------------------------------------------
BODY_MISSING = Message("Invalid payload: Request body missing", 21)
BODY_TOO_LARGE = Message("Request body is larger than {limit} bytes", 22)
MORE_PROBLEMS = Message("and at least {count} more problems", 24)

# -- the order header ------------------------------------------------------------------------------
CURRENCY_MISSING = Message("Invalid payload: orderCurrency is required", 23)
CURRENCY_INACTIVE = Message("Inactive Currency Code: {currency}", 24)
CURRENCY_DIFFERS = Message(
    "One or more line items has a different currency code than the order currency", 24
)
CURRENCY_ALIAS_DIFFERS = Message("orderCurrency and currencyCode must be equal", 24)
ITEMS_MISSING = Message("Invalid payload: productOrderItem is missing", 23)
TOO_MANY_ITEMS = Message("An order has at most {limit} line items", 24)
NOTE_TEXT_MISSING = Message("Invalid payload: note text is missing", 23)
CHANNEL_ID_MISSING = Message("Invalid payload: channel id is missing", 23)
CHANNEL_UNKNOWN = Message("Invalid payload: Distribution channel does not exist", 24)
DUE_DATE_BEFORE_LINE = Message(
    "committedDueDate of the order is before the committedDueDate of a line item", 24
)

# -- parties ---------------------------------------------------------------------------------------
PARTY_MISSING = Message("Invalid payload: relatedParty is missing", 23)
PARTY_CUSTOMER_MISSING = Message("Invalid payload: Customer Account or Consumer is missing", 23)
PARTY_TYPE_MISSING = Message("Invalid payload: relatedParty @referredType is missing", 23)
PARTY_TYPE_UNKNOWN = Message(
    "relatedParty @referredType is none of Customer, Consumer, CustomerContact", 24
)
PARTY_ID_MISSING = Message("Invalid payload: relatedParty id is missing", 23)
CONSUMER_UNKNOWN = Message("Invalid payload: Consumer does not exist", 24)
ACCOUNT_UNKNOWN = Message("Invalid payload: Customer Account does not exist", 24)
CONTACT_UNKNOWN = Message("Invalid payload: Customer Contact does not exist", 24)

#: What a plug-in says of a member that it wants.
MEMBER_MISSING = Message("Invalid payload: {name} is missing", 23)

# -- line items ------------------------------------------------------------------------------------
ITEM_ID_MISSING = Message("Invalid payload: productOrderItem id is missing", 23)
ITEM_ID_REPEATED = Message("productOrderItem id {id} is used more than once", 24)
ACTION_MISSING = Message("Invalid payload: productOrderItem action is missing", 23)
ACTION_UNKNOWN = Message(
    "productOrderItem action is none of add, change, delete, no-change, resume, suspend", 24
)
OFFERING_MISSING = Message("Invalid payload: productOrderItem productOffering is missing", 23)
OFFERING_ID_MISSING = Message("Invalid payload: productOffering id is missing", 23)
OFFERING_UNKNOWN = Message("Invalid payload: Product offering does not exist", 24)
PRODUCT_MISSING = Message("Invalid payload: productOrderItem product is missing", 23)
SPECIFICATION_ID_MISSING = Message("Invalid payload: productSpecification id is missing", 23)
SPECIFICATION_UNKNOWN = Message("Invalid payload: Product specification does not exist", 24)
SPECIFICATION_VERSIONS_DIFFER = Message(
    "productSpecification version and internalVersion name different versions", 24
)
PLACE_ID_MISSING = Message("Invalid payload: place id is missing", 23)
LOCATION_UNKNOWN = Message("Invalid payload: Location does not exist", 24)
CONTACT_TYPE_MISSING = Message("Invalid payload: product relatedParty @referredType is missing", 23)
CONTACT_TYPE_UNKNOWN = Message("product relatedParty @referredType is not OrderLineItemContact", 24)
AMOUNT_OUT_OF_RANGE = Message("Expected a number below 10^18 with at most 12 decimals", 24)
QUANTITY_NEGATIVE = Message("quantity must not be negative", 24)

# -- product inventory -----------------------------------------------------------------------------
INVENTORY_ID_MISSING = Message("Invalid payload: Product inventory ID is missing", 23)
INVENTORY_UNKNOWN = Message("Invalid payload: Product Inventory does not exist", 24)
INVENTORY_INACTIVE = Message("Invalid payload: Sold Product is inactive", 24)
INVENTORY_VERSION_DIFFERS = Message(
    "Product specification version differs from the version of the product inventory", 24
)

# -- relationships ---------------------------------------------------------------------------------
RELATIONSHIP_ID_MISSING = Message("Invalid payload: productOrderItemRelationship id is missing", 23)
RELATIONSHIP_TYPE_MISSING = Message(
    "Invalid payload: productOrderItemRelationship relationshipType is missing", 23
)
RELATIONSHIP_TYPE_UNKNOWN = Message(
    "productOrderItemRelationship relationshipType is none of HasChild, HasParent, Requires", 24
)
RELATIONSHIP_TARGET_UNKNOWN = Message("productOrderItemRelationship id names no line item", 24)
RELATIONSHIP_TO_ITSELF = Message("a line item cannot be related to itself", 24)
RELATIONSHIP_TWO_PARENTS = Message("a line item has at most one parent", 24)
RELATIONSHIP_CYCLE = Message("a line item cannot be its own ancestor", 24)
SPECIFICATION_RELATIONSHIP_UNKNOWN = Message(
    "Invalid payload: Specification relationship does not exist", 24
)

# -- work notes: written on the line, never a failure ----------------------------------------------
NOTE_CHARACTERISTIC_UNKNOWN = Message(
    "The following Order Item characteristics does not exist: Review specification {name} and "
    "correct the characteristic and characteristic option in the order line item prior to "
    "approving the order.",
    24,
)
NOTE_CHARACTERISTIC_INVALID = Message(
    "Order Item characteristic: {name} with characteristic value: {value}is invalid. Correct the "
    "characteristic values before approving the order.",
    24,
)
NOTE_REQUIRES_UNKNOWN = Message(
    "The catalog knows no Requires relationship from {source} to {target}. Review the related "
    "line items before approving the order.",
    24,
)

# -- revisions and cancellations -------------------------------------------------------------------
CURRENCY_FIXED = Message("In-flight revision to order currency not supported", 24)
ORDER_NOT_CREATED_YET = Message(
    "This order is yet to be created in customer order table. Please check in inbound queue for "
    "more details.",
    24,
)
CANCEL_NOT_CREATED_YET = Message("This order is yet to be created in customer order table", 24)
NOT_UPDATABLE_STATE = Message("Cannot update the order in state: {state}", 1)
NOT_UPDATABLE_PONR = Message("Cannot update the order: the point of no return has been reached", 1)
NOT_UPDATABLE_LINE = Message("Cannot update line item {id} in state: {state}", 1)
NOT_CANCELABLE_STATE = Message("Cannot cancel the order in state: {state}", 1)
NOT_CANCELABLE_PONR = Message("Cannot cancel the order: the point of no return has been reached", 1)
NOT_CANCELABLE_LINE = Message("Cannot cancel line item {id} in state: {state}", 1)
FULFILMENT_TYPE_NOT_DELIVER = Message(
    "Patch request cannot be made as the order's fulfillment type is not 'deliver.", 24
)
PRODUCT_FIXED = Message("product id cannot be changed once the line item is approved", 24)
LIST_FULL = Message("The order would have more than {limit} of these", 24)
RELATIONSHIP_TO_CANCELED = Message("productOrderItemRelationship id names a canceled line item", 24)
REVISION_OPERATION_UNKNOWN = Message("revisionOperation is neither empty nor cancel", 24)
CANCELED_LINE_UNKNOWN = Message("productOrderItem id names no line item to cancel", 24)
ACTION_FIXED = Message("The action of a line item cannot be changed; it is {action}", 24)
DUE_DATE_FIXED = Message(
    "committedDueDate cannot be updated when the action is suspend or resume", 24
)
MANDATORY_MISSING = Message("Invalid payload. Mandatory field missing: {name}.", 23)
CANCEL_ORDER_INVALID = Message("Invalid order ID", 24)
CANCEL_TYPE_UNKNOWN = Message("@type is neither CancelProductOrder nor CancelProductorder", 24)

# -- transitions -----------------------------------------------------------------------------------
ACTION_NAME_UNKNOWN = Message("action is none of {actions}", 24)
LINE_ITEMS_EMPTY = Message("lineItemIds must be absent, or name line items", 24)
LINE_ITEM_UNKNOWN = Message("The order has no line item {id}", 24)
LINE_ITEMS_NOT_ALONE = Message("{action} is for whole orders: lineItemIds must be absent", 24)
ORDER_CANNOT_MOVE = Message("The order in state {state} does not allow {action}", 1)
LINE_CANNOT_MOVE = Message("Line item {id} in state {state} does not allow {action}", 1)
INVENTORY_NOT_READY = Message(
    "Line item {id}: the product inventory is {status}, which does not allow {action}", 1
)
INVENTORY_HELD = Message(
    "Line item {id}: the product inventory is held by line item {other} of {order}", 1
)
OUTDATED = Message("The order was changed since: its entity tag is {tag}", 26)
IF_MATCH_INVALID = Message('If-Match must be * or entity tags like "1-1700000000000"', 26)

# -- operating the inbound queue -------------------------------------------------------------------
REQUEST_NOT_FOUND = Message("No request of the inbound queue has this id or externalId", 60)
REQUEST_CANNOT_RUN = Message("A request in state {state} cannot be made an order on demand", 1)
REQUEST_CANCELED = Message("canceled by an operator", 1)
FILTER_EMPTY = Message("filter must have a member: without one it would mean every request", 24)
MEMBER_UNKNOWN = Message("Unknown member; known are: {known}", 24)
FILTER_STATE_UNFIT = Message("state must be one of {states}, or absent", 24)
FILTER_STATUS_UNFIT = Message("status must be {statuses}absent: no other requests are taken", 24)
CONDITION_NULL = Message("Expected a string, got null", 24)
MEMBER_REPEATED = Message("Sent more than once", 24)
ID_INVALID = Message("{member} must be 32 lower-case hexadecimal digits", 28)
CHOICE_UNKNOWN = Message("{member} is none of {known}", 28)
AGE_INVALID = Message("{member} must be a duration like P1DT12H, or seconds; at most 100 years", 28)
PARAMETER_UNKNOWN = Message("{member} is none of the parameters {known}", 28)
PARAMETER_REPEATED = Message("{member} is there more than once", 28)
CURSOR_INVALID = Message("cursor is none that this list gave", 28)

# -- bulks -----------------------------------------------------------------------------------------
BULK_NOT_FOUND = Message("No bulk has this id", 60)
BULKS_TOO_MANY = Message("Too many bulks are being received; try again later", 5)
BULK_TAKEN_OVER = Message("Another request with this Idempotency-Key goes on with the bulk", 26)
BULK_IDLE = Message("Nothing was sent for {seconds} s; send the rest again", 5)
BULK_LINE_DIFFERS = Message(
    "Line {number} is not the one that was sent with this Idempotency-Key before", 26
)
LINE_TOO_LONG = Message("The line is longer than {limit} bytes", 22)
LINE_INVALID = Message("{member} must be a whole number from 0 to {limit}", 28)
SHUTTING_DOWN = Message("The service is shutting down; send the rest again", 5)

# -- repeated requests -----------------------------------------------------------------------------
KEY_INVALID = Message("Idempotency-Key must be 1 to 255 visible ASCII characters, sent once", 26)
KEY_REUSED = Message("This Idempotency-Key was used for another request", 26)
KEY_IN_USE = Message("A request with this Idempotency-Key is under way; repeat it later", 26)
EXTERNAL_ID_TAKEN = Message("externalId {external_id} is that of the order {order}", 24)

# -- parameters, access and the rest ---------------------------------------------------------------
STILL_QUEUED = Message(
    "This Order is still in the inbound queue table waiting to be processed.", 102
)
ORDER_NOT_FOUND = Message("No order has this id or externalId", 60)
NO_ORDERS = Message("No orders match", 60)
LIMIT_INVALID = Message("limit must be a whole number from 1 to 100", 28)
OFFSET_INVALID = Message("offset must be a whole number from 0 to {limit}", 28)
PAGE_INVALID = Message("{name} must be a whole number from 1 to {limit}", 28)
PAGE_BOTH_ENDS = Message("{one} and {other} must not be given together", 28)
EXACTLY_ONE = Message("Exactly one of {names} must be given", 28)
FILTER_TOO_LARGE = Message("A filter has at most {levels} levels and {conditions} conditions", 28)
CONDITION_LACKING = Message("This needs a condition, and its members are all null or left out", 28)
COST_EXCEEDED = Message("The document asks for {cost} rows; allowed are {limit}", 28)
ANSWER_TOO_LARGE = Message("The answer is larger than {limit} bytes: ask for less at once", 28)
QUERY_TIMEOUT = Message("The document took longer than {seconds} s", 63)
CURSOR_UNKNOWN = Message("{name} is no cursor of this list in this order", 28)
TOO_MANY_OPERATIONS = Message("There are {most} operations already, as many as may be", 5)
CREATION_FAILED = Message("Invalid payload: Order creation failed", 1)
UNAVAILABLE = Message("The database does not answer; the same request may succeed later", 5)
MODE_INVALID = Message("mode must be async, or absent", 28)
CONTENT_TYPE_INVALID = Message("Content-Type must be application/json", 26)
BULK_MODE_MISSING = Message("application/x-ndjson is taken with mode=async only", 26)
CONTENT_ENCODED = Message("Content-Encoding must be absent, or identity", 26)
CHARSET_INVALID = Message("charset must be utf-8, or absent", 26)
CREDENTIALS_MISSING = Message("Basic authentication is required", 40)
CREDENTIALS_INVALID = Message("Unknown user name or wrong password", 41)
ROLE_LACKING = Message("This needs one of the roles: {roles}", 50)
