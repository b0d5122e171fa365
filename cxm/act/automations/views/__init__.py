"""Pages of automations: the list, the editor, the dry run, and the history of runs. They show; verbs do."""
