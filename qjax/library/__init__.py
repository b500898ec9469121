"""Problems and circuits that ship with qjax."""

from qjax.library.ansatz import Excitation as Excitation
from qjax.library.ansatz import alternating_layered as alternating_layered
from qjax.library.ansatz import brick_wall as brick_wall
from qjax.library.ansatz import commuting_groups as commuting_groups
from qjax.library.ansatz import data_reuploading as data_reuploading
from qjax.library.ansatz import dicke_state as dicke_state
from qjax.library.ansatz import entangler_pairs as entangler_pairs
from qjax.library.ansatz import excitation as excitation
from qjax.library.ansatz import haar_unitary as haar_unitary
from qjax.library.ansatz import hamiltonian_variational as hamiltonian_variational
from qjax.library.ansatz import hardware_efficient as hardware_efficient
from qjax.library.ansatz import k_upccgsd as k_upccgsd
from qjax.library.ansatz import matrix_product as matrix_product
from qjax.library.ansatz import mera as mera
from qjax.library.ansatz import qaoa as qaoa
from qjax.library.ansatz import qcnn as qcnn
from qjax.library.ansatz import quantum_volume as quantum_volume
from qjax.library.ansatz import random_clifford as random_clifford
from qjax.library.ansatz import random_grid as random_grid
from qjax.library.ansatz import random_haar as random_haar
from qjax.library.ansatz import singles_and_doubles as singles_and_doubles
from qjax.library.ansatz import strongly_entangling as strongly_entangling
from qjax.library.ansatz import tree_tensor_network as tree_tensor_network
from qjax.library.ansatz import uccsd as uccsd
from qjax.library.molecules import Molecule as Molecule
from qjax.library.molecules import load_molecule as load_molecule
