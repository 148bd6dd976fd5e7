"""The migrations, run by `ordering migrate`. The name of a file starts with its application."""
