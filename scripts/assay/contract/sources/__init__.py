"""Tables that a contract can be held against: files, folders, objects in a remote, databases."""
