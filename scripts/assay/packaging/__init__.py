"""A trained model as a bundle that can be served anywhere and audited years later.

In the order in which it happens: the model is loaded and exported in a process of its own, without
secrets (`export`); the folder is put together from facts (`bundle`); it is signed (`signing`) and
can be checked offline by whoever has it (`verify`).
"""
