"""What an order looks like on the Product Order Open API, on its present and deprecated paths.

Value lists pass through as the JSON that they are stored as; only entities are mapped. Attributes
that we do not know are put back where they came from. A line always has a product, whose columns
are the line's.
"""

from ordering.orders.shapes import Constant, Embedded, Form, Member, Rows, Shape

__all__ = ["BASE_PATH", "ORDER", "ORDERS_PATH"]

BASE_PATH = "/api/sn_ind_tmt_orm"
ORDERS_PATH = f"{BASE_PATH}/order/productOrder"

_CHARACTERISTIC = Shape(
    (
        Member("name", "name"),
        Member("valueType", "value_type"),
        Member("value", "value", Form.JSON),
        Member("previousValue", "previous_value", Form.JSON),
    ),
    extras="extras",
)

_CONTACT = Shape(
    (
        Member("id", "contact_id", otherwise="id"),
        Member("name", "name"),
        Member("firstName", "first_name"),
        Member("lastName", "last_name"),
        Member("email", "email"),
        Member("phone", "phone"),
        Constant("@type", "RelatedParty"),
        Member("@referredType", "referred_type"),
    ),
    extras="extras",
)

_RELATIONSHIP = Shape(
    (Member("id", "related_id"), Member("relationshipType", "relationship_type")),
    extras="extras",
)

_PRODUCT = Shape(
    (
        Member("id", "product_id"),
        Member("isBundle", "is_bundle", Form.BARE),
        Rows(
            "productCharacteristic",
            "characteristics",
            _CHARACTERISTIC,
            # A quirk of the source: what did not change is not shown.
            unless_same=("value", "previous_value"),
        ),
        Member("productSpecification", "product_specification", Form.JSON),
        Member("place", "place", Form.JSON),
        Rows("relatedParty", "contacts", _CONTACT),
        Rows("productRelationship", "related_items", _RELATIONSHIP),
        Constant("@type", "Product"),
    ),
    extras="product_extras",
)

_ITEM = Shape(
    (
        Member("id", "item_id"),
        Member("state", "state"),
        Member("version", "version", Form.COUNT),
        Member("ponr", "ponr", Form.FLAG),
        Member("quantity", "quantity", Form.BARE),
        Member("action", "action"),
        Member("actionReason", "action_reason"),
        Member("committedDueDate", "committed_due_date", Form.MOMENT),
        Member("itemPrice", "item_prices", Form.JSON),
        Embedded("product", _PRODUCT),
        Member("productOffering", "product_offering", Form.JSON),
        Member("productOrderItemRelationship", "relationships", Form.JSON),
        Member("externalProductInventory", "external_product_inventory", Form.JSON),
        Constant("@type", "ProductOrderItem"),
    ),
    extras="extras",
)

ORDER = Shape(
    (
        Member("id", "id", Form.IDENTITY),
        Member("href", "id", Form.IDENTITY, before=f"{ORDERS_PATH}/"),
        Member("state", "state"),
        Member("version", "version", Form.COUNT),
        Member("ponr", "ponr", Form.FLAG),
        Member("externalId", "external_id"),
        Member("externalSystem", "external_system"),
        Member("orderCurrency", "order_currency"),
        Member("currencyCode", "currency_code"),
        Member("orderDate", "order_date", Form.MOMENT),
        Member("requestedStartDate", "requested_start_date", Form.MOMENT),
        Member("requestedCompletionDate", "requested_completion_date", Form.MOMENT),
        Member("expectedCompletionDate", "expected_completion_date", Form.MOMENT),
        Member("committedDueDate", "committed_due_date", Form.MOMENT),
        Member("channel", "channels", Form.JSON),
        Member("note", "notes", Form.JSON),
        Rows("productOrderItem", "line_items", _ITEM, shown_empty=True),
        Member("relatedParty", "related_parties", Form.JSON),
        Constant("@type", "ProductOrder"),
    ),
    extras="extras",
)
