"""The worker: arq is doorbell and clock, PostgreSQL holds what is to be done."""
