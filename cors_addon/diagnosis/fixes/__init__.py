"""What to change: the whole way to green of one exchange, the stack that answered, and what to write into it."""
