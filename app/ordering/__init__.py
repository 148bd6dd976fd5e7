"""The core of product ordering: rules, use cases, SQL. No HTTP, no GraphQL, no arq in here."""
