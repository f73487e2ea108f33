"""The commands, one per module, each as `command`."""
