"""Everything that training needs on a machine without a network, in one folder."""
