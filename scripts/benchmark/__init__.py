"""What the addon costs: loads, measures and the table. Run by ``scripts/bench.py``."""
