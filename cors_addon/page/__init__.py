"""The live page: what is blocked now, and the switches of injection, in the browser that the proxy serves."""
