"""Reports: one model, and a renderer for each format."""
