"""Generated requests over the whole HTTP layer."""
