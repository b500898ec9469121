"""Optional packages: imported when first needed, or an error with the line that installs them."""

import importlib
import importlib.util
from types import ModuleType

from qjax.errors import MissingExtraError


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional package.

    Args:
        module: Dotted name of the module, for instance "matplotlib.pyplot".
        extra: The extra of qjax that installs it, for instance "plot".
        purpose: What needs it, as the start of the error's sentence.

    Returns:
        The module.

    Raises:
        MissingExtraError: If the package is not installed.

    Examples:
        >>> require("json", "plot", "this example").__name__
        'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        # A package that is there but lacks one of its own needs must say so itself.
        if error.name is not None and error.name.partition(".")[0] != package:
            raise
        raise MissingExtraError(
            f"{purpose} needs {package}, which is not installed. "
            f'Install it with: pip install "qjax[{extra}]"'
        ) from error


def available(module: str) -> bool:
    """Whether an optional package is installed.

    Examples:
        >>> available("numpy")
        True
    """
    return importlib.util.find_spec(module) is not None
