"""Music on bars and beats: tasks, plans, and how images join."""
