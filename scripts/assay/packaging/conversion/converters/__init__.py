"""What each class computes, one family a module. A new module here is found without being named."""
