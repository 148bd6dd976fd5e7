"""`python -m ordering_app`: the command `ordering`, without depending on PATH."""

from ordering_app.cli import main

if __name__ == "__main__":
    main()
