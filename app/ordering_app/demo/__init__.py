"""Demo data: a catalog, clients, and the two published example orders."""
