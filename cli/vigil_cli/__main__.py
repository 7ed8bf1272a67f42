"""`python -m vigil_cli` is `vigil`."""

from vigil_cli.app import main

main()
