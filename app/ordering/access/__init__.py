"""Who may call: clients, roles, passwords."""
