"""The Fetch Standard as pure functions and frozen data. Nothing in this folder performs a fetch."""
