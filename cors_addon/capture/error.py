"""What is wrong with a capture, in words for the person who named it."""


class CaptureError(Exception):
    """A capture that cannot be read, or not to its end; the message says what is wrong, where, and what to do."""
