"""External crates for tasks: built once from local sources in the sandbox, kept read-only, handed to the compiler."""
