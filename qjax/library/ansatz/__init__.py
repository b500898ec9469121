"""Ansaetze: functions that give a parameterised circuit."""

from qjax.library.ansatz.coupled_cluster import k_upccgsd as k_upccgsd
from qjax.library.ansatz.coupled_cluster import uccsd as uccsd
from qjax.library.ansatz.dicke import dicke_state as dicke_state
from qjax.library.ansatz.entanglers import entangler_pairs as entangler_pairs
from qjax.library.ansatz.excitations import Excitation as Excitation
from qjax.library.ansatz.excitations import excitation as excitation
from qjax.library.ansatz.excitations import singles_and_doubles as singles_and_doubles
from qjax.library.ansatz.hamiltonian_variational import commuting_groups as commuting_groups
from qjax.library.ansatz.hamiltonian_variational import (
    hamiltonian_variational as hamiltonian_variational,
)
from qjax.library.ansatz.hardware_efficient import hardware_efficient as hardware_efficient
from qjax.library.ansatz.hardware_efficient import strongly_entangling as strongly_entangling
from qjax.library.ansatz.layered import alternating_layered as alternating_layered
from qjax.library.ansatz.layered import brick_wall as brick_wall
from qjax.library.ansatz.pools import PoolOperator as PoolOperator
from qjax.library.ansatz.pools import excitation_pool as excitation_pool
from qjax.library.ansatz.pools import qubit_pool as qubit_pool
from qjax.library.ansatz.qaoa import qaoa as qaoa
from qjax.library.ansatz.qcnn import qcnn as qcnn
from qjax.library.ansatz.random_circuits import haar_unitary as haar_unitary
from qjax.library.ansatz.random_circuits import quantum_volume as quantum_volume
from qjax.library.ansatz.random_circuits import random_grid as random_grid
from qjax.library.ansatz.random_circuits import random_haar as random_haar
from qjax.library.ansatz.reuploading import data_reuploading as data_reuploading
from qjax.library.ansatz.tensor_network import matrix_product as matrix_product
from qjax.library.ansatz.tensor_network import mera as mera
from qjax.library.ansatz.tensor_network import tree_tensor_network as tree_tensor_network
