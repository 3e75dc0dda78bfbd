"""From a table to a Pandera schema as code: `profile`, then `propose`, then `code`.

Only `profile` reads data, by a few aggregate queries, so that a table of any size will do; the
other two are pure. A proposal accepts the data that it was made from, and says no more of it than
the data give reason to: a promise that a few rows keep by accident is not made.
"""

from assay.contract.infer.code import code
from assay.contract.infer.profile import profile
from assay.contract.infer.propose import propose

__all__ = ["code", "profile", "propose"]
