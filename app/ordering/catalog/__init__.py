"""Reference data: what an order may point at, kept in memory, looked up, loaded."""
