"""The composition root: the ASGI application, the command line, embedded servers, demo data."""
