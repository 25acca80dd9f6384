"""``python -m workbench``: the same commands as ``wb``."""

from workbench.cli.main import main

if __name__ == "__main__":
    main()
