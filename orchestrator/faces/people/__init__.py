"""Plain GET routes for people and their tools (docs/http.md): the console, the command line and scripts read the same."""
