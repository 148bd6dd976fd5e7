"""The rules of product orders, pure: no I/O, no HTTP, no SQL.

A request's bytes become a draft (`decode`), the draft is held against the rules (`rules`) and what
it points at (`references`), and becomes an order (`capture`). States, messages and codes are
tables in `states` and `messages`.
"""
