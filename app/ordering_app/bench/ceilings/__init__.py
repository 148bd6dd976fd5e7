"""Ceilings: the least that a program can do for the same effect.

Those that serve HTTP are bare ASGI applications on the same server with the same settings;
`python -m ordering_app.bench.ceilings NAME` serves one. They do not authenticate and check
nothing. docs/performance.md tells what each of them does and leaves out.
"""
