"""What Acme wants of product orders beyond the contract."""

from collections.abc import Iterator

from ordering.domain.extension import (
    Message,
    OrderDraft,
    Problem,
    References,
    required,
)

#: `costCenter` is an attribute of our own: the service keeps it without knowing it.
required_fields = required("/requestedStartDate", "/productOrderItem/*/costCenter")

TOO_EARLY = Message("requestedCompletionDate is before requestedStartDate", 24)


def completion_after_start(draft: OrderDraft, _found: References) -> Iterator[Problem]:
    """Refuse orders that are to end before they begin."""
    start, end = draft.requested_start_date, draft.requested_completion_date
    if start is not None and end is not None and end < start:
        yield Problem.of(TOO_EARLY, "/requestedCompletionDate")


def sales_system(draft: OrderDraft) -> None:
    """Take `salesSystem`, which our portals send, for `externalSystem`."""
    if draft.extras and "salesSystem" in draft.extras:
        draft.external_system = draft.extras.pop("salesSystem")
