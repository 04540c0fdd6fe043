"""What each browser does with an exchange, and why."""
