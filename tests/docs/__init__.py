"""The documentation: its commands work, and what it shows is what the product prints."""
