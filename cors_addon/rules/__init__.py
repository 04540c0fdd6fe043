"""The user's rule file: what it says, what is wrong with it, and what it makes of a response."""
