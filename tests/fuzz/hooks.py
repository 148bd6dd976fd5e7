"""What schemathesis needs to know beyond the contract, so that good data are accepted.

A schema cannot say that an offering exists, that line ids are unique, or that an order is in
progress. So the contract is narrowed, in the fuzzer's memory only: where it says that an id names a
record, ids of the demo catalog stand instead. And before generated data that shall be accepted are
sent, their members are made to fit one another, and the order that they are about is placed.

Loaded by schemathesis (`schemathesis.toml`), in a process of its own.
"""

import atexit
import json
import os
import re
from base64 import b64encode
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import httpx
import schemathesis
from schemathesis import AuthContext, CheckContext, GenerationMode, HookContext, Response

Members = dict[str, Any]

#: A call to be made. The types of schemathesis leave its arguments open.
Case = Any
extension: Any = schemathesis

URL = os.environ["FUZZ_URL"]
#: Where it is told which statuses were answered, by operation.
SEEN = Path(os.environ["FUZZ_SEEN"])

#: By schema and member: the values of which one is taken; `null` where it may be absent.
CATALOG: dict[str, dict[str, list[str | None]]] = {
    "AmountCreate": {"unit": ["USD", None]},
    "Channel": {"id": ["1", "2", "4"]},
    "OfferingRef": {
        "id": ["69017a0f536520103b6bddeeff7b127d", "fiber-home"],
        "version": ["v1", None],
        "internalVersion": ["1", None],
    },
    "Place": {"id": ["25ab9c4d0a0a0bb300f7dabdc0ca7c1c", "home-1"]},
    "ProductOrderDraft": {"currencyCode": ["USD", None], "orderCurrency": ["USD", None]},
    "ProductRelationship": {"id": ["be6d13f45b5620102dff5e92dc81c781"]},
    "SpecificationRef": {
        "id": ["fiber-broadband", "home-gateway"],
        "version": ["v1", None],
        "internalVersion": ["1", None],
    },
}

#: The party of each kind.
PARTIES = {
    "Consumer": "59f16de1c3b67110ff00ed23a140dd9e",
    "Customer": "ffc68911c35420105252716b7d40dd55",
    "CustomerContact": "eaf68911c35420105252716b7d40ddde",
}

#: The inventory that a line is about; one that is resumed is suspended.
INVENTORY = "fa6d13f45b5620102dff5e92dc81c77f"
SUSPENDED_INVENTORY = "fiber-of-funco-external"

OFFERING = {"id": "69017a0f536520103b6bddeeff7b127d"}

#: An order whose line is the only one, has the id 1 and is an addition.
ORDER = {
    "orderCurrency": "USD",
    "productOrderItem": [{"id": "1", "action": "add", "productOffering": OFFERING}],
    "relatedParty": [{"id": PARTIES["Consumer"], "@referredType": "Consumer"}],
}

NDJSON = "application/x-ndjson"
ORDERS = "/api/sn_ind_tmt_orm/order/productOrder"
CANCEL = "/api/sn_ind_tmt_orm/cancelproductorder"
MOVE = "/api/ordering/v1/productOrder/{}/transition"
QUEUE = "/api/ordering/v1/inboundQueue"

#: What has to happen to an order before each action.
BEFORE: dict[str, tuple[str, ...]] = {
    "approve": (),
    "approve_cancellation": ("approve", "start", "cancel"),
    "await_information": ("approve", "start"),
    "complete": ("approve", "start"),
    "deny_cancellation": ("approve", "start", "cancel"),
    "finish_cancellation": ("approve", "start", "cancel", "approve_cancellation"),
    "hold": ("approve", "start"),
    "information_received": ("approve", "start", "await_information"),
    "reject": (),
    "release": ("approve", "start", "hold"),
    "reopen": ("reject",),
    "schedule": ("approve",),
    "set_ponr": ("approve", "start"),
    "start": ("approve",),
    "submit": ("reject", "reopen"),
}

#: Actions that are for the whole order after what is in `BEFORE` happened to the whole order.
FOR_ORDERS_THEN = {
    "approve_cancellation", "deny_cancellation", "information_received", "release"
}  # fmt: skip

#: The roles that operations are called with, where it is not that of who places orders.
ROLES = {
    "cancelInboundRequests": "inbound_queue_admin",
    "createOrderOfInboundRequest": "inbound_queue_admin",
    "getDeprecatedProductOrder": "order_viewer",
    "getInboundQueue": "order_viewer",
    # That reads bodies, too, which not everybody may see.
    "getInboundRequest": "inbound_queue_admin",
    "getProductOrder": "order_viewer",
    "listDeprecatedProductOrders": "order_viewer",
    "listInboundRequests": "inbound_queue_admin",
    "listProductOrders": "order_viewer",
    "moveProductOrder": "order_fulfilment",
    "pauseInboundQueue": "inbound_queue_admin",
    "redriveInboundRequests": "inbound_queue_admin",
    "resumeInboundQueue": "inbound_queue_admin",
}


#: What can be a key at all.
KEY = re.compile(r"[\x21-~]{1,255}")


def operation_of(case: Case) -> str:
    """Return the identity of the operation that a case calls."""
    return case.operation.definition.raw["operationId"]


def is_in_sequence(case: Case) -> bool:
    """Tell whether a call follows others whose answers it uses."""
    return case.meta is not None and case.meta.phase.name.value == "stateful"


@extension.auth(refresh_interval=None)
class LeastPrivilege:
    """Each operation is called by a client that may do little else."""

    def get(self, case: Case, _context: AuthContext) -> str:
        """Return the `Authorization` of the client."""
        role = ROLES.get(operation_of(case), "order_integrator")
        return "Basic " + b64encode(":".join(credentials(role)).encode()).decode()

    def set(self, case: Case, data: str, _context: AuthContext) -> None:
        """Send it."""
        case.headers["Authorization"] = data


def credentials(role: str) -> tuple[str, str]:
    """Return the user name and password of the client that has a role."""
    return role, os.environ["FUZZ_PASSWORD"]


@extension.hook
def before_load_schema(_context: HookContext, raw_schema: Members) -> None:
    """Narrow the contract to what the demo catalog holds."""
    # Lines of JSON are answered 202 whatever is wrong with them, each with what is wrong: they have
    # tests of their own.
    del raw_schema["components"]["requestBodies"]["ProductOrder"]["content"][NDJSON]
    schemas = raw_schema["components"]["schemas"]
    for name, members in CATALOG.items():
        for member, values in members.items():
            schemas[name]["properties"][member] = {"enum": values}
    # No schema can say how many decimals a number has; those that are sent as strings have some.
    for name in ("NullableDecimal", "NullableQuantity"):
        schemas[name]["type"] = ["integer", "string", "null"]
    # Nor that a length of time is not more than a hundred years in all, or which cursors there are.
    schemas["Age"]["pattern"] = "^([0-9]{1,9}|P[0-9]{1,3}W|P[0-9]{1,4}D|PT[0-9]{1,5}[HMS])$"
    raw_schema["components"]["parameters"]["RequestCursor"]["schema"] = {"enum": ["MTox", "MTo0Mg"]}
    # That a number is not too near to 0 the contract says in words: as a schema it is clumsy.
    tiny = {"type": "number", "exclusiveMinimum": -1e-300, "exclusiveMaximum": 1e-300}
    schemas["AnyValue"]["not"] = tiny | {"not": {"const": 0}}


@extension.hook
def before_call(_context: HookContext, case: Case, _kwargs: Members) -> None:
    """Let good data fit one another, and the order that they are about."""
    # A key that is drawn twice makes of the second request a repeat of the first.
    headers: Members = case.headers
    if headers and KEY.fullmatch(str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = uuid4().hex
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    operation = operation_of(case)
    if not is_in_sequence(case) and operation.endswith("InboundRequest"):
        case.path_parameters["id"] = queued(operation)
    if operation in ("getBulk", "listBulkResults"):
        case.path_parameters["id"] = sent()
    # The fuzzer makes up entity tags of its own kind, which are none.
    if not re.fullmatch(r'\*|".*"', case.headers.get("If-Match", "*")):
        del case.headers["If-Match"]
    if isinstance(case.body, dict):
        body = cast("Members", case.body)
        if operation.startswith(("create", "revise")):
            fit(body)
        if operation.startswith("revise"):
            fit_revision(body)
        if is_in_sequence(case):
            only_add(body)
            lead(case, operation, body)
        else:
            aim(case, operation, body)


def only_add(order: Members) -> None:
    """Change nothing that is installed: once that is approved, no other order may change it."""
    for line in objects(order, "productOrderItem"):
        line["action"] = "add"


def lead(case: Case, operation: str, body: Members) -> None:
    """Let a change be about an order of this run that is being fulfilled and not canceled."""
    if operation == "cancelProductOrder":
        place = body["productOrder"]
    elif operation in ("moveProductOrder", "reviseProductOrder", "reviseDeprecatedProductOrder"):
        place = case.path_parameters
    else:
        return
    if place["id"] not in _created and _created:
        place["id"] = _created[-1]
    if operation != "moveProductOrder":
        # An entity tag that is made up would keep most orders from being changed.
        case.headers.pop("If-Match", None)
        path = MOVE.format(quote(str(place["id"]), safe=""))
        for action in ("deny_cancellation", "approve", "start"):
            call("POST", path, "order_fulfilment", {"action": action}, may_fail=True)


def aim(case: Case, operation: str, body: Members) -> None:
    """Let a change be about an order that allows it, under its entity tag if under any."""
    match operation:
        case "reviseProductOrder" | "reviseDeprecatedProductOrder":
            case.path_parameters["id"] = order = placed("approve", "start")
        case "cancelProductOrder":
            body["productOrder"]["id"] = order = placed("approve", "start")
        case "moveProductOrder":
            case.path_parameters["id"] = order = placed(*BEFORE[body["action"]])
            if body.get("lineItemIds"):
                body["lineItemIds"] = None if body["action"] in FOR_ORDERS_THEN else ["1"]
        case _:
            return
    if "If-Match" in case.headers:
        shown = call("GET", f"{ORDERS}/{order}", "order_viewer")
        case.headers["If-Match"] = shown.headers["ETag"]


def placed(*actions: str) -> str:
    """Place an order and move it on by actions, `cancel` among them; returns its id."""
    identity: str = call("POST", ORDERS, "order_integrator", ORDER).json()["id"]
    for action in actions:
        if action == "cancel":
            call("POST", CANCEL, "order_integrator", {"productOrder": {"id": identity}})
        else:
            call("POST", MOVE.format(identity), "order_fulfilment", {"action": action})
    return identity


def queued(operation: str) -> str:
    """Have an order queued that the operation may be about; returns its id.

    One that is to be made an order on demand is kept from the worker by a pause.
    """
    if operation == "createOrderOfInboundRequest":
        call("POST", f"{QUEUE}/pause", "inbound_queue_admin")
    elif _queued:
        return _queued[-1]
    answer = call("POST", f"{ORDERS}?mode=async", "order_integrator", ORDER)
    _queued.append(answer.json()["orderId"])
    return _queued[-1]


def sent() -> str:
    """Have a bulk of one line received; returns its id."""
    if not _sent:
        answer = httpx.post(
            f"{URL}{ORDERS}?mode=async",
            content=json.dumps(ORDER),
            headers={"Content-Type": NDJSON},
            auth=credentials("order_integrator"),
            timeout=20,
        )
        _sent.append(answer.headers["Location"].rpartition("/")[2])
    return _sent[-1]


def call(
    method: str, path: str, role: str, body: object = None, *, may_fail: bool = False
) -> httpx.Response:
    """Call the service beside the fuzzer. Raises `httpx.HTTPStatusError`, unless it may fail."""
    answer = httpx.request(method, URL + path, json=body, auth=credentials(role), timeout=20)
    if not may_fail:
        answer.raise_for_status()
    return answer


def fit(order: Members) -> None:
    """Let the members of an order fit one another."""
    for number, line in enumerate(objects(order, "productOrderItem"), start=1):
        line["id"] = str(number)
        # No line may be due after its order, and children must be of a kind that the catalog knows
        # below their parent: both are left to the tests of the rules.
        line.pop("committedDueDate", None)
        line.pop("productOrderItemRelationship", None)
        product = line.get("product")
        if isinstance(product, dict) and cast("Members", product).get("id") is not None:
            resumed = line.get("action") == "resume"
            product["id"] = SUSPENDED_INVENTORY if resumed else INVENTORY
    for party in objects(order, "relatedParty"):
        kind = party.get("@referredType") or party.get("type")
        party["id"] = PARTIES.get(str(kind), party.get("id"))


def fit_revision(order: Members) -> None:
    """Let the lines of a revision fit an order like `ORDER`."""
    for line in objects(order, "productOrderItem"):
        line["action"] = "add"
        if line["id"] != "1":
            line.pop("revisionOperation", None)
            line["productOffering"] = OFFERING


def objects(parent: Members, name: str) -> list[Members]:
    """List the objects in an array, if it is there."""
    elements = parent.get(name)
    if not isinstance(elements, list):
        return []
    return [one for one in cast("list[Any]", elements) if isinstance(one, dict)]


@extension.check
def whole_orders(_context: CheckContext, response: Response, case: Case) -> None:
    """Orders are answered whole where no `fields` were asked for."""
    if response.status_code not in (200, 206) or "fields" in (case.query or {}):
        return
    match operation_of(case):
        case "getProductOrder" | "listProductOrders":
            name = "ProductOrder"
        case "getDeprecatedProductOrder" | "listDeprecatedProductOrders":
            name = "DeprecatedProductOrder"
        case _:
            return
    shown = response.json()
    required = case.operation.schema.raw_schema["components"]["schemas"][name]["required"]
    orders = cast("list[Members]", shown if isinstance(shown, list) else [shown])
    for order in orders:
        missing = set(required) - order.keys()
        assert not missing or "code" in order, f"not answered: {sorted(missing)}"


#: How often each status was answered: in sequences of calls or else, by operation.
_seen: dict[str, dict[str, Counter[int]]] = {
    "sequences": defaultdict(Counter),
    "single calls": defaultdict(Counter),
}
#: The ids of the orders that were created in this run, of those that were queued for it, and of a
#: bulk.
_created: list[str] = []
_queued: list[str] = []
_sent: list[str] = []


@extension.hook
def after_call(_context: HookContext, case: Case, response: Response) -> None:
    """Count the statuses that are answered; other methods than the operation's are tried, too."""
    if case.method.lower() == case.operation.method.lower():
        operation = operation_of(case)
        where = "sequences" if is_in_sequence(case) else "single calls"
        _seen[where][operation][response.status_code] += 1
        if response.status_code == 201 and operation.startswith("create"):
            _created.append(response.json()["id"])
        if operation in ("createOrderOfInboundRequest", "pauseInboundQueue"):
            call("POST", f"{QUEUE}/resume", "inbound_queue_admin")


atexit.register(lambda: SEEN.write_text(json.dumps(_seen)))
