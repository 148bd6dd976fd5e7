"""Tables that no statement of ours fills: triggers do, whoever writes what they are about."""

from piccolo.columns import BigInt, BigSerial, Varchar
from piccolo.table import Table

__all__ = ["OrderTally"]


class OrderTally(Table, tablename="order_tally"):
    """How many orders came to a state, or left it, if negative (docs/decisions/0029-totals.md).

    There are as many orders in a state as its rows add up to.
    """

    id = BigSerial(primary_key=True)
    state = Varchar(length=40)
    orders = BigInt()
