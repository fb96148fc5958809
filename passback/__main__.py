"""``python -m passback``."""

from passback.cli import main

if __name__ == "__main__":
    main()
