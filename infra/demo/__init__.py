"""The demo: real weather readings, pushed by a small device program."""
