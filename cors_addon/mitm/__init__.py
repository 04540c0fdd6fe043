"""The proxy's side: hooks, options, commands and what a flow shows. The only folder that imports mitmproxy."""
