"""`python -m snntrain`: the same as `snntrain`, for environments without the script on the path."""

from snntrain.process import working_directory

# A worker process that reads data imports this file again.
if __name__ == "__main__":
    # Before any other import: a module could lie in the current folder.
    working_directory.leave_out()
    from snntrain.cli.main import main

    main()
