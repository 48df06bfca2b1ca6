"""The user's own data: folders of pictures or recordings, and arrays in one file."""
