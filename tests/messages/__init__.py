"""What brings each message of the tool about, and the words that it must say. A new message gets a line here."""
