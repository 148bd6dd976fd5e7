"""The types that portals see, each field with what it means and how it is read."""
