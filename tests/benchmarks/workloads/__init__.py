"""What is measured: one module per row of docs/performance.md."""
