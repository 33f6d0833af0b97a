"""What Tollhouse costs, measured beside a bare reverse proxy on the same machine: `python -m bench`."""
