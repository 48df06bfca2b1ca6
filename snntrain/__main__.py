"""`python -m snntrain`: the same as `snntrain`, where the script is not on the path."""

from snntrain.cli.main import main

# A worker process that reads data imports this file again.
if __name__ == "__main__":
    main()
