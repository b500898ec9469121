"""One training step, and the compiled loop over many."""

import inspect
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.sharding import Mesh

from qjax.errors import TrainingError
from qjax.train.data import NoData
from qjax.train.parallel import divided
from qjax.train.programs import program_for

CAPACITY = 4096  # steps that one compiled call can make; how many it makes is an operand

# Line searches that keep the value and the gradient at the parameters they end with.
_LINE_SEARCHES = (optax.ScaleByZoomLinesearchState, optax.ScaleByBacktrackingLinesearchState)


class Status(IntEnum):
    """Whether a run goes on, or why it has stopped."""

    RUNNING = 0
    PATIENCE = 1
    TOLERANCE = 2
    BAD_LOSS = 3
    BAD_GRADIENT = 4
    BAD_UPDATE = 5


class Run(NamedTuple):
    """All that a run carries from step to step; of several restarts, with a leading axis."""

    params: Any
    opt_state: Any
    good_params: Any  # of the last step whose loss and gradient were finite
    best_params: Any
    best_loss: Any  # float: least loss so far, at best_params
    reference: Any  # float: the loss at the last improvement by more than min_delta
    since: Any  # int32: steps since then
    steps: Any  # int32: good steps made
    status: Any  # int32: a Status


class Inputs(NamedTuple):
    """What a compiled call reads besides the run; numbers only, so new ones compile nothing."""

    hyperparameters: dict[str, Any]
    key: Any
    source: Any
    patience: Any
    min_delta: Any
    tolerance: Any


class Options(NamedTuple):
    """What is compiled in."""

    recipe: NoData
    restarts: int | None
    stochastic: bool
    factory: bool  # whether the optimizer is a function of hyperparameters
    extra: bool  # whether its update takes value, grad and value_fn
    norm: bool  # whether the norm of the gradient is watched
    mesh: Mesh | None  # whose devices divide the rows of each batch
    capacity: int


def begin(
    params: Any, optimizer: Any, hyperparameters: dict[str, Any], restarts: int | None
) -> Run:
    """A run before its first step, in buffers of its own."""

    def start(values: Any, hyper: dict[str, Any]) -> Run:
        with jax.numpy_dtype_promotion("standard"):
            state = (optimizer(**hyper) if hyper else optimizer).init(values)
        infinity = jnp.full((), jnp.inf, dtype=float)
        zero = jnp.zeros((), jnp.int32)
        return Run(values, state, values, values, infinity, infinity, zero, zero, zero)

    run = start(params, hyperparameters) if restarts is None else jax.vmap(start)(
        params, hyperparameters
    )  # fmt: skip
    # The buffers are given away at each call, so no two leaves may share one.
    return jax.tree.map(lambda leaf: jnp.array(_strong(jnp.asarray(leaf)), copy=True), run)


def chunk_program(loss: Callable, optimizer: Any, generate: Callable | None, options: Options):
    """The compiled loop: program(run, step, count, inputs) -> (run, losses, count).

    It makes up to `count` steps, fewer where every run stops before. `losses` has shape
    (capacity,), or (restarts, capacity). The buffers of `run` are given away.
    """
    update = optimizer if options.factory else optimizer.update
    return program_for(_build, (loss, update, generate), options)


def _build(loss: Callable, update: Callable, generate: Callable, options: Options) -> Any:
    return jax.jit(partial(_chunk, loss, update, generate, options), donate_argnums=0)


def _chunk(
    loss: Callable,
    update: Callable,
    generate: Callable,
    options: Options,
    run: Run,
    step: jax.Array,
    count: jax.Array,
    inputs: Inputs,
) -> tuple[Run, jax.Array, jax.Array]:
    """The traced body of the program; the first three arguments return the functions."""
    recipe, restarts = options.recipe, options.restarts
    each = (lambda function, axes: function) if restarts is None else jax.vmap
    source = inputs.source if generate() is None else generate()
    batch_key = loss_key = None
    if inputs.key is not None:
        keys = each(jax.random.split, 0)(inputs.key)
        batch_key, loss_key = keys[..., 0], keys[..., 1]

    begin_batches = partial(recipe.begin, source, step=step)
    memory = each(begin_batches, 0)(batch_key) if recipe.own else begin_batches(batch_key)

    def body(carry):
        index, run, memory, losses = carry
        now = step + index

        def draw(key, memory):
            return recipe.batch(source, key, memory, now, index)

        batch, memory = (each(draw, 0) if recipe.own else draw)(batch_key, memory)
        fold = each(lambda key: jax.random.fold_in(key, now), 0)
        drawn = (fold(loss_key),) if options.stochastic else ()
        advance = each(
            partial(_advance, loss(), update(), options, inputs),
            (0, 0, 0 if recipe.own else None, 0),
        )
        run, value = advance(run, inputs.hyperparameters, batch, drawn)
        return index + 1, run, memory, losses.at[..., index].set(value)

    def unfinished(carry):
        index, run, _, _ = carry
        return (index < count) & jnp.any(run.status == Status.RUNNING.value)

    shape = (options.capacity,) if restarts is None else (restarts, options.capacity)
    losses = jnp.full(shape, jnp.nan, dtype=float)
    carry = (jnp.zeros((), jnp.int32), run, memory, losses)
    index, run, _, losses = lax.while_loop(unfinished, body, carry)
    return run, losses, index


def _advance(
    loss: Callable,
    update: Callable,
    options: Options,
    inputs: Inputs,
    run: Run,
    hyperparameters: dict[str, Any],
    batch: tuple,
    drawn: tuple,
) -> tuple[Run, jax.Array]:
    """One step of one run. A run that has stopped stays as it is.

    A bad loss or gradient takes the run back to the parameters before the last update, for those
    after it are what is bad.
    """
    value_fn = lambda params: _scalar_loss(loss, batch + drawn, params)
    if options.mesh is not None:
        whole = divided(lambda p, *rest: _scalar_loss(loss, rest, p), options.mesh)
        value_fn = lambda params: whole(params, *batch, *drawn)
    steady = options.recipe.same and not options.stochastic
    value, gradient = _value_and_gradient(value_fn, run, steady)
    with jax.numpy_dtype_promotion("standard"):
        # JAX gives df/dx - i df/dy; the direction of ascent, which optax expects, is its
        # conjugate. Line searches expect JAX's own in `grad`.
        ascent = jax.tree.map(jnp.conj, gradient)
        if options.factory:
            update = optax.with_extra_args_support(update(**hyperparameters)).update
        extra = {"value": value, "grad": gradient, "value_fn": value_fn} if options.extra else {}
        updates, opt_state = update(ascent, run.opt_state, run.params, **_accepted(update, extra))
        params = optax.apply_updates(run.params, updates)
    value = value.astype(run.best_loss.dtype)

    live = run.status == Status.RUNNING.value
    finite = jnp.isfinite(value), _all_finite(gradient), _all_finite(params)
    good = live & finite[0] & finite[1] & finite[2]
    better = good & (value < run.best_loss)
    improved = good & (value < run.reference - inputs.min_delta)
    since = jnp.where(improved, 0, run.since + 1)
    status = jnp.where(since >= inputs.patience, _code(Status.PATIENCE), _code(Status.RUNNING))
    if options.norm:
        small = optax.tree.norm(gradient) <= inputs.tolerance
        status = jnp.where(small, _code(Status.TOLERANCE), status)
    for fine, bad in zip(
        reversed(finite), (Status.BAD_UPDATE, Status.BAD_GRADIENT, Status.BAD_LOSS), strict=True
    ):
        status = jnp.where(fine, status, _code(bad))

    kept = _choose(live & ~(finite[0] & finite[1]), run.good_params, run.params)
    after = Run(
        params=_choose(good, params, kept),
        opt_state=_choose(good, opt_state, run.opt_state),
        good_params=_choose(good, run.params, run.good_params),
        best_params=_choose(better, run.params, run.best_params),
        best_loss=jnp.where(better, value, run.best_loss),
        reference=jnp.where(improved, value, run.reference),
        since=jnp.where(good, since, run.since),
        steps=run.steps + good.astype(jnp.int32),
        status=jnp.where(live, status, run.status),
    )
    return after, jnp.where(live, value, jnp.nan)


def _value_and_gradient(value_fn: Callable, run: Run, steady: bool) -> tuple[Any, Any]:
    """Loss and gradient; not computed again where a line search has just done so."""
    is_search = lambda node: isinstance(node, _LINE_SEARCHES)
    nodes = jax.tree.leaves(run.opt_state, is_leaf=is_search)
    known = [node for node in nodes if is_search(node) and node.grad is not None]
    if not steady or len(known) != 1:
        return jax.value_and_grad(value_fn)(run.params)
    value, gradient = known[0].value, known[0].grad

    def compute():
        return jax.tree.map(
            lambda new, old: lax.convert_element_type(new, old.dtype),
            jax.value_and_grad(value_fn)(run.params),
            (value, gradient),
        )

    return lax.cond(jnp.isfinite(value), lambda: (value, gradient), compute)


def _accepted(update: Callable, extra: dict[str, Any]) -> dict[str, Any]:
    """The extra arguments that an update takes; some that may take any take only few."""
    names = inspect.signature(update).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in names.values()):
        return extra
    return {name: value for name, value in extra.items() if name in names}


def _scalar_loss(loss: Callable, arguments: tuple, params: Any) -> jax.Array:
    value = loss(params, *arguments)
    if isinstance(value, (tuple, list, dict)) or value is None:
        raise TrainingError(
            "fit: loss must return one real number, but returns a "
            f"{type(value).__name__}. Return the loss alone; compute the rest from the result."
        )
    value = jnp.asarray(value)
    if value.shape != ():
        raise TrainingError(
            f"fit: loss must return a scalar, but returns an array of shape {value.shape}. "
            "Take its mean or its sum."
        )
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TrainingError(
            f"fit: loss must return a real floating number, but returns {value.dtype}."
        )
    return value


def _choose(condition: jax.Array, new: Any, old: Any) -> Any:
    """`new` where the condition holds, in the dtypes of `old`."""

    def choose(path, new, old):
        new = jnp.asarray(new)
        if jnp.iscomplexobj(new) and not jnp.iscomplexobj(old):
            raise TrainingError(
                "fit: the optimizer must keep the dtypes of its state, but it makes "
                f"{jax.tree_util.keystr(path)} {new.dtype} where it began as {old.dtype}."
            )
        return jnp.where(condition, _strong(new, old.dtype), old)

    return jax.tree_util.tree_map_with_path(choose, new, old)


def _strong(leaf: jax.Array, dtype: Any = None) -> jax.Array:
    """The leaf with a dtype of its own instead of a Python scalar's weak one."""
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return leaf
    return lax.convert_element_type(leaf, leaf.dtype if dtype is None else dtype)


def _all_finite(tree: Any) -> jax.Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


def _code(status: Status) -> jax.Array:
    return jnp.full((), status.value, jnp.int32)
