"""Questions to the steps of a process, and their pages: paths, graphs, funnels, variants."""
