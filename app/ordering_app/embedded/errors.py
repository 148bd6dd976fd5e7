"""The one error of the embedded servers.

Exception
└── EmbeddedServerError     a server cannot be started or stopped; the message is for a person
"""


class EmbeddedServerError(Exception):
    """PostgreSQL or Valkey cannot run here; the message says why and, if known, what to do."""
