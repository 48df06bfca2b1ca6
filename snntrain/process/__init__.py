"""Settings of the whole process, made before torch is imported: memory, threads, search path, locale."""
