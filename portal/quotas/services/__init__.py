"""What changes limits and budgets, and asks for more."""
