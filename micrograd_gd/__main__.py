"""`python -m micrograd_gd`: the command line."""

from micrograd_gd.cli import main

if __name__ == "__main__":
    main()
