"""What to tell a person: why a finding came about, what fixes it, and advice and audit beside it."""
