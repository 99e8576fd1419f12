"""``coexsim`` and ``python -m coexsim``."""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    from coexsim.cli import main as run

    run()


if __name__ == "__main__":
    main()
