"""What ``python -m fastembed train`` trains: data, training, files; lines are told to a caller."""
