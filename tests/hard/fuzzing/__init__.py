"""What `scripts/fuzz.py` throws at the package by the million and the tests by the thousand."""
