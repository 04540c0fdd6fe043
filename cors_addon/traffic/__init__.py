"""What a proxy knows: exchanges, what kind each is, what speaks for credentials, and which belong together."""
