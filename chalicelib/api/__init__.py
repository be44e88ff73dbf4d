"""HTTP: one view per route, each reads the request, calls one service and answers."""
