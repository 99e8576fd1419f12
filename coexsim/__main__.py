"""``python -m coexsim``."""

from coexsim.cli import main

if __name__ == "__main__":
    main()
