"""What the planner wrote: the models of a scenario file, how it is read, and the rules between its fields."""
