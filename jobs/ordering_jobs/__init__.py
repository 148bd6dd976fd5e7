"""The worker: arq is the doorbell, PostgreSQL holds what is to be done."""
