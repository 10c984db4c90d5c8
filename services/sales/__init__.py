"""From first interest to money."""
