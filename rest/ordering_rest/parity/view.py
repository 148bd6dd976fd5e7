"""An order as the Product Order Open API shows it, on its present paths and on the deprecated ones.

Value lists pass through as the JSON text that they are stored as; only entities are mapped.
Attributes that we do not know are put back where they came from.
"""

from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import Raw, field

from ordering.domain.ids import show_id
from ordering.domain.order import (
    CharacteristicValue,
    ContactPerson,
    JsonText,
    LineItem,
    Order,
    RelatedItem,
)
from ordering.domain.timestamps import show_timestamp
from ordering.orders.reader import Branch
from ordering_rest.fields import Selection, Tree

__all__ = ["BASE_PATH", "ORDERS_PATH", "View"]

BASE_PATH = "/api/sn_ind_tmt_orm"
ORDERS_PATH = f"{BASE_PATH}/order/productOrder"

#: What `fields` cannot take away (TMF630).
_ALWAYS: Tree = {"id": None, "href": None}

#: Where the rows that are read beside the header are shown; work notes are nowhere.
_BRANCHES = {
    Branch.LINE_ITEMS: ("productOrderItem",),
    Branch.CHARACTERISTICS: ("productOrderItem", "product", "productCharacteristic"),
    Branch.CONTACTS: ("productOrderItem", "product", "relatedParty"),
    Branch.RELATED_ITEMS: ("productOrderItem", "product", "productRelationship"),
}

T = TypeVar("T", bound="_Shown")

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class _Shown(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """The base of what is shown: absent members are left out."""


class _Characteristic(_Shown):
    name: str | None = None
    value_type: str | None = None
    value: Raw | None = None
    previous_value: Raw | None = None


class _Contact(_Shown):
    id: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    # The default is None throughout, since what equals its default is left out.
    type: str | None = field(default=None, name="@type")
    referred_type: str | None = field(default=None, name="@referredType")


class _ProductRelationship(_Shown):
    id: str | None = None
    relationship_type: str | None = None


class _Product(_Shown):
    id: str | None = None
    is_bundle: bool | None = None
    product_characteristic: list[Raw | _Characteristic] | None = None
    product_specification: Raw | None = None
    place: Raw | None = None
    related_party: list[Raw | _Contact] | None = None
    product_relationship: list[Raw | _ProductRelationship] | None = None
    type: str | None = field(default=None, name="@type")


class _Item(_Shown):
    id: str | None = None
    state: str | None = None
    version: str | None = None
    ponr: str | None = None
    quantity: Decimal | None = None
    action: str | None = None
    action_reason: str | None = None
    committed_due_date: str | None = None
    item_price: Raw | None = None
    product: Raw | _Product | None = None
    product_offering: Raw | None = None
    product_order_item_relationship: Raw | None = None
    external_product_inventory: Raw | None = None
    type: str | None = field(default=None, name="@type")


class _Order(_Shown):
    id: str | None = None
    href: str | None = None
    state: str | None = None
    version: str | None = None
    ponr: str | None = None
    external_id: str | None = None
    external_system: str | None = None
    order_currency: str | None = None
    currency_code: str | None = None
    order_date: str | None = None
    requested_start_date: str | None = None
    requested_completion_date: str | None = None
    expected_completion_date: str | None = None
    committed_due_date: str | None = None
    channel: Raw | None = None
    note: Raw | None = None
    product_order_item: list[Raw | _Item] | None = None
    related_party: Raw | None = None
    type: str | None = field(default=None, name="@type")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """How orders are shown: under which path, and which attributes.

    `left_out` are attributes that the paths do not have, `fields` those that the client asks for,
    None for all.
    """

    path: str = ORDERS_PATH
    left_out: Tree = {}
    fields: Tree | None = None

    @property
    def branches(self) -> Branch:
        """What has to be read to show an order like this."""
        selection = self._selection
        needed = Branch.NONE
        for branch, path in _BRANCHES.items():
            if selection.shows(*path):
                needed |= branch
        return needed

    def path_of(self, order: Order) -> str:
        """Return the path under which the order is found and shown like this."""
        return f"{self.path}/{show_id(order.id)}"

    def encode(self, order: Order) -> bytes:
        """Show an order as JSON."""
        return self._selection.pick(_encoder.encode(_order(order)))

    def encode_all(self, orders: list[Order]) -> bytes:
        """Show a list of orders as JSON."""
        selection = self._selection
        return _encoder.encode(
            [Raw(selection.pick(_encoder.encode(_order(order)))) for order in orders]
        )

    @property
    def _selection(self) -> Selection:
        only = None if self.fields is None else self.fields | _ALWAYS
        return Selection(only, self.left_out)


def _order(order: Order) -> Raw | _Order:
    shown = _Order(
        id=show_id(order.id),
        href=f"{ORDERS_PATH}/{show_id(order.id)}",
        state=order.state,
        version=str(order.version),
        ponr=_flag(flag=order.ponr),
        external_id=order.external_id,
        external_system=order.external_system,
        order_currency=order.order_currency,
        currency_code=order.currency_code,
        order_date=order.order_date and show_timestamp(order.order_date),
        requested_start_date=order.requested_start_date
        and show_timestamp(order.requested_start_date),
        requested_completion_date=order.requested_completion_date
        and show_timestamp(order.requested_completion_date),
        expected_completion_date=order.expected_completion_date
        and show_timestamp(order.expected_completion_date),
        committed_due_date=order.committed_due_date and show_timestamp(order.committed_due_date),
        channel=_raw(order.channels),
        note=_raw(order.notes),
        product_order_item=[_item(item) for item in order.line_items],
        related_party=_raw(order.related_parties),
        type="ProductOrder",
    )
    return _with_extras(shown, order.extras)


def _item(item: LineItem) -> Raw | _Item:
    shown = _Item(
        id=item.item_id,
        state=item.state,
        version=str(item.version),
        ponr=_flag(flag=item.ponr),
        quantity=item.quantity,
        action=item.action,
        action_reason=item.action_reason,
        committed_due_date=item.committed_due_date and show_timestamp(item.committed_due_date),
        item_price=_raw(item.item_prices),
        product=_product(item),
        product_offering=_raw(item.product_offering),
        product_order_item_relationship=_raw(item.relationships),
        external_product_inventory=_raw(item.external_product_inventory),
        type="ProductOrderItem",
    )
    return _with_extras(shown, item.extras)


def _product(item: LineItem) -> Raw | _Product:
    shown = _Product(
        id=item.product_id,
        is_bundle=item.is_bundle,
        product_characteristic=[
            _characteristic(each)
            for each in item.characteristics
            # A quirk of the source: what did not change is not shown.
            if not _unchanged(each)
        ]
        or None,
        product_specification=_raw(item.product_specification),
        place=_raw(item.place),
        related_party=[_contact(each) for each in item.contacts] or None,
        product_relationship=[_relationship(each) for each in item.related_items] or None,
        type="Product",
    )
    return _with_extras(shown, item.product_extras)


def _characteristic(value: CharacteristicValue) -> Raw | _Characteristic:
    shown = _Characteristic(
        name=value.name,
        value_type=value.value_type,
        value=_raw(value.value),
        previous_value=_raw(value.previous_value),
    )
    return _with_extras(shown, value.extras)


def _unchanged(value: CharacteristicValue) -> bool:
    """Compare what the JSON means: PostgreSQL and clients write its members in other orders."""
    if value.value is None or value.previous_value is None:
        return False
    return value.value == value.previous_value or _decoder.decode(value.value) == _decoder.decode(
        value.previous_value
    )


def _contact(contact: ContactPerson) -> Raw | _Contact:
    shown = _Contact(
        id=contact.contact_id or show_id(contact.id),
        name=contact.name,
        first_name=contact.first_name,
        last_name=contact.last_name,
        email=contact.email,
        phone=contact.phone,
        type="RelatedParty",
        referred_type=contact.referred_type,
    )
    return _with_extras(shown, contact.extras)


def _relationship(related: RelatedItem) -> Raw | _ProductRelationship:
    shown = _ProductRelationship(id=related.related_id, relationship_type=related.relationship_type)
    return _with_extras(shown, related.extras)


def _flag(*, flag: bool) -> str:
    """Show a flag as the source does: typed Boolean, sent as a string."""
    return "true" if flag else "false"


def _raw(text: JsonText | None) -> Raw | None:
    return None if text is None else Raw(text.encode())


def _with_extras(shown: T, extras: JsonText | None) -> Raw | T:
    """Put unknown attributes among the members; a kept `@type` replaces the usual one."""
    if extras is None:
        return shown
    members: dict[str, Raw] = msgspec.json.decode(_encoder.encode(shown), type=dict[str, Raw])
    members.update(msgspec.json.decode(extras, type=dict[str, Raw]))
    return Raw(_encoder.encode(members))
