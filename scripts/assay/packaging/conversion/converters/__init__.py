"""What each class computes, one family a module. A new module here is found without being named.

What a fitted model holds has no types, so neither have formulas of it: mypy is told so on top.
"""
