"""The browser's own word: start an isolated browser behind the proxy, listen to it, tie what it says to exchanges."""
