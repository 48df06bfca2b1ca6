"""Networks written as text."""
