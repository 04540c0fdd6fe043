"""cors-addon: a mitmproxy addon that explains and, on request, mends cross-origin traffic."""

__version__ = "0.1.0"
