"""`python -m snntrain`: the same as `snntrain`, where the script is not on the path."""

from snntrain.process import working_directory

# A worker process that reads data imports this file again.
if __name__ == "__main__":
    # Before anything else is imported, which could lie there.
    working_directory.leave_out()
    from snntrain.cli.main import main

    main()
