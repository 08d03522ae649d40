"""Entry point of `python -m shared.cli`."""

from shared.cli.main import app

if __name__ == "__main__":
    app(prog_name="recipient-sync")
