"""The command line: one file per subcommand, each with ``main(argv) -> exit status``."""
