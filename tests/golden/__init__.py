"""State directories as released versions of the program have left them."""
