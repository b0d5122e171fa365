"""Where it all meets: the process, the addresses, the page frame, the commands. Holds no rule of any domain itself."""
