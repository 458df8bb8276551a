"""`envisions`, or `python -m envisions`."""

import sys

if sys.argv[1:2] == ["doctor"]:  # must be able to speak even where another distribution's `envs` is in the way
    from envisions.doctor import main
else:
    from envisions.cli import main

if __name__ == "__main__":
    main()
