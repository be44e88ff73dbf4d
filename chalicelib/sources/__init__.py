"""Where records come from besides pushes, and the formats they come in."""
