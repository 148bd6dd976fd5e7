"""Subscriptions: clients are told what changes, over WebSockets and event streams."""
