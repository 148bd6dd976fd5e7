"""The GraphQL face: types, the plan from a document to statements, and limits."""
