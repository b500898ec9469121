"""Problems and circuits that ship with qjax."""

from qjax.library.ansatz import uccsd as uccsd
from qjax.library.molecules import Molecule as Molecule
from qjax.library.molecules import load_molecule as load_molecule
