"""What the triggers of `app.py` delegate to: reading the event, calling a service, logging and counting the outcome."""
