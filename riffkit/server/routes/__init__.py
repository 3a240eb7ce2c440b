"""What is answered at which path, a module for each noun."""
