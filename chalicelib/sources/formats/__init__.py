"""File formats, each turning bytes into JSON-like records."""
