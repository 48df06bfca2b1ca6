"""The input that causes each message, and the words that it must contain. A new message needs a case here."""
