"""Files of parameters: written whole, read without trust."""
