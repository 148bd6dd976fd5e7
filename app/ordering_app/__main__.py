"""`python -m ordering_app` and the command `ordering`: where the command line begins."""

import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it without a trace, also while it is still being loaded."""
    try:
        from ordering_app.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
