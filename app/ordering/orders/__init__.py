"""Use cases on orders: validate, create, read, revise, cancel, progress."""
