"""Use cases on orders: validate, create, read."""
