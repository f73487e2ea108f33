"""What tests share: builders, a real daemon as a subprocess, bounded waits, a look at the processes that are left."""
