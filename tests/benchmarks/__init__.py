"""Measures this orchestrator and its peers on the same work, interleaved; docs/performance.md explains."""
