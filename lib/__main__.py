"""``python -m lib`` is the same as ``study``."""

from lib.cli import main

if __name__ == "__main__":
    main()
