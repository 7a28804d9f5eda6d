"""`python -m tcellabm.cli` is `tcellabm`."""

from tcellabm.cli import main

if __name__ == "__main__":
    main()
