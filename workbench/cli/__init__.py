"""The command line: one file a command, each exporting ``command``, loaded when it is called."""
