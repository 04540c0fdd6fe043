"""What `scripts/soak.py` runs for hours and the tests for seconds: a load, and a watch inside the proxy."""
