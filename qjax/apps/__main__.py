"""`python -m qjax.apps` lists the applications; with a folder, it tabulates the results there."""

import sys
from pathlib import Path

from qjax.apps._command import listing
from qjax.apps._table import results_table
from qjax.errors import QjaxError

if __name__ == "__main__":
    try:
        print(results_table(Path(sys.argv[1])) if sys.argv[1:] else listing())
    except QjaxError as error:
        sys.exit(f"qjax: {error}")
