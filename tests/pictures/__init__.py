"""The README's pictures: a sample of traffic in mitmweb and on the live page; `python -m tests.pictures` makes them."""
