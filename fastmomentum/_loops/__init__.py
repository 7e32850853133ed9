"""The compiled loops, and the parts they are made of."""
