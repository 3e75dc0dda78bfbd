"""What production sees, held against where the model was tested: the statistics, and one verdict.

All is pure but `scan` and `reference`, which read an Ibis table: arrays and facts in, facts out.
"""
