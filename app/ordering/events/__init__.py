"""What happened to orders, told to others. The outbox is written; delivery comes with the hub."""
