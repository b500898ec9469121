"""Applications: small, whole demonstrations on real data, each beside a classical baseline.

`qjax app` lists them; `qjax app NAME` and `python -m qjax.apps.NAME` run one. Each takes `--quick`,
`--seed`, `--output FOLDER`, `--fresh` and the options of its own, which `--help` names; writes
`metrics.json` and its pictures to the folder; and goes on where it was when a run was killed.

An application is one file of this folder, found by its name, that defines `APP`. The whole of one:

    \"\"\"One sentence that says what is shown, on what data.\"\"\"

    import jax, optax
    from qjax import apps
    from qjax._extras import require
    ...

    def flower(run: apps.Run) -> apps.Report:
        \"\"\"What is shown and how: the text of --help.\"\"\"
        datasets = require("sklearn.datasets", "apps", "The app `flower`")
        ...
        params = 0.1 * jax.random.normal(run.key("start"), (12,))
        result = run.fit("circuit", loss, params, optax.adam(0.1), run.options.steps)
        baseline, seconds = run.keep("logistic", lambda: {"accuracy": ...})
        figure, (left, right) = apps.panels(1, 2)
        ...
        return apps.Report(
            comparisons=(
                apps.Comparison(
                    task="iris, two classes", metric="test accuracy", better="higher",
                    rows=(
                        apps.quantum("circuit", 0.96, error=apps.binomial_error(0.96, 50),
                                     parameters=12, seconds=result.seconds),
                        apps.classical("logistic regression", baseline["accuracy"], error=...,
                                       parameters=5, seconds=seconds),
                        apps.published("Somebody et al. 2020", 0.98, note="Journal 1, 2; MNIST"),
                    ),
                ),
            ),
            figures={"training": figure},
            facts={"qubits": 4, "training samples": 100},
        )

    APP = apps.App(
        name="flower",
        shows="iris by a circuit of four qubits",
        run=flower,
        options=(apps.Option("steps", 300, quick=20, help="Steps of the optimizer."),),
        needs=("sklearn", "matplotlib"),
    )

    if __name__ == "__main__":
        apps.main(APP)

What the frame does, and what it asks for:

- `run.fit` is `qjax.fit` with a checkpoint of its own in the folder; `run.keep` computes once what
  `fit` does not train. Both give the same numbers after a kill, so all chance must come from
  `run.key(label)` or `run.rng(label)`, never from the clock or from the order of calls. Name each
  training and each kept value once.
- `run.options.NAME` is the default, or `quick` of its row with `--quick`, or what the user gave.
  With `--quick` an application takes seconds; the tests run it so, and its numbers mean nothing.
- `needs` are the modules that must be there, checked before anything is computed; import them by
  `require` inside functions. An extra for one application goes to pyproject.toml and to `extra`.
- `double=True` switches 64-bit numbers on while it runs.
- The rows of a comparison are of four kinds: `quantum`, `classical`, `exact` and `published`. The
  verdict, whether the classical baseline wins, is worked out from them and always printed: the best
  `quantum` against the best `classical` row, a draw within two standard errors.
- `python -m qjax.apps FOLDER` prints the results of all runs in a folder as a Markdown table.
- The figures are saved as `NAME.png`. `panels` gives axes in qjax's colours.
"""

from qjax.apps._app import App as App
from qjax.apps._app import Option as Option
from qjax.apps._command import find_app as find_app
from qjax.apps._command import find_apps as find_apps
from qjax.apps._command import listing as listing
from qjax.apps._command import main as main
from qjax.apps._figures import panels as panels
from qjax.apps._report import Comparison as Comparison
from qjax.apps._report import Report as Report
from qjax.apps._report import Row as Row
from qjax.apps._report import binomial_error as binomial_error
from qjax.apps._report import classical as classical
from qjax.apps._report import exact as exact
from qjax.apps._report import published as published
from qjax.apps._report import quantum as quantum
from qjax.apps._run import Run as Run
from qjax.apps._run import count_parameters as count_parameters
from qjax.apps._table import results_table as results_table
