"""Language: sentences by word circuits, text by quantum attention, number words translated."""

from qjax import apps
from qjax.apps._characters import text
from qjax.apps._sentences import sentences
from qjax.apps._translation import translation

TASKS = {"sentences": sentences, "text": text, "translation": translation}


def language(run: apps.Run) -> apps.Report:
    """Three tasks of language, each beside a classical baseline.

    sentences: whether a sentence of a small grammar is about food or computers, by circuits that
    are wired as the grammar says and joined by post-selection, beside a bag of words. text: the
    next character of a reference of Python, by a small transformer with quantum attention, beside
    its classical twin and a table of pairs. translation: the numbers 0 to 99 from English to
    another language, by a quantum recurrent encoder and decoder beside their twin and a table of
    phrases, every number once held out.
    """
    chosen = TASKS if run.options.task == "all" else {run.options.task: TASKS[run.options.task]}
    reports = [task(run) for task in chosen.values()]
    return apps.Report(
        comparisons=[c for report in reports for c in report.comparisons],
        figures={name: f for report in reports for name, f in report.figures.items()},
        facts={name: fact for report in reports for name, fact in report.facts.items()},
    )


APP = apps.App(
    name="language",
    shows="sentences by word circuits, text by quantum attention, number words translated",
    run=language,
    options=(
        apps.Option("task", "all", choices=("all", *TASKS), help="What to do."),
        apps.Option("sentence_steps", 200, quick=3, least=1, help="Steps of the word circuits."),
        apps.Option("sentence_layers", 1, least=1, help="Layers of adjectives and verbs."),
        apps.Option("text_steps", 2000, quick=3, least=1, help="Steps of each transformer."),
        apps.Option("context", 32, quick=8, least=2, help="Characters that are attended to."),
        apps.Option("to", "fr", choices=("fr", "es", "it"), help="Language to translate to."),
        apps.Option("folds", 5, quick=1, least=1, help="Parts to hold out, of five."),
        apps.Option("translation_steps", 500, quick=3, least=1, help="Steps of each translator."),
    ),
    needs=("matplotlib", "sklearn", "num2words"),
    extra="apps-language",
)

if __name__ == "__main__":
    apps.main(APP)
