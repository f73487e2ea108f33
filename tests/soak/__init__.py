"""Everything at once, for as long as one likes, and an account of it afterwards that nobody who took part has written."""
