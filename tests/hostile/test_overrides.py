"""Any overrides give a valid configuration, or single lines that say what is wrong."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snntrain.config.schema import Config
from snntrain.config.validate import validate
from snntrain.errors import UserError
from tests.conftest import Outcome
from tests.training.jobs import prepared_by

from .fuzz import Tried, fuzzed, is_readable, output_is_readable
from .overrides import overrides, values

# The largest values for networks that are built here; the defaults are far below.
MOST = 64
SMALL = ("trainer.epochs=1", "trainer.limit_batches=2", "trainer.device=cpu", "monitor=off", "network=mlp")


def checked(given_: list[str], multirun: bool) -> list[Config]:
    """Return the result of `validate`; None if it refuses the overrides properly."""
    Tried.cases += len(given_)
    try:
        return validate(given_, multirun=multirun)
    except UserError as error:
        assert is_readable(error), error.lines
        return []


# Many overrides in few examples: another override costs a copy, another example costs compositions.
@fuzzed(4)
@given(st.lists(overrides(), min_size=12, max_size=24), st.booleans())
def test_any_overrides_are_composed_or_refused_in_readable_lines(given_: list[str], multirun: bool) -> None:
    checked(given_, multirun)


@fuzzed(4)
@given(overrides(), st.booleans())
def test_any_single_override_is_composed_or_refused_in_readable_lines(given_: str, multirun: bool) -> None:
    checked([given_], multirun)


NUMERIC = (
    *("T", "seed", "neuron.v_threshold", "neuron.init_tau", "surrogate.alpha", "reset.v_reset", "optimizer.lr"),
    *("optimizer.betas", "optimizer.weight_decay", "scheduler.warmup", "scheduler.final", "dataset.validation"),
    *("dataset.split_seed", "dataset.mean", "dataset.std", "dataset.augment.degrees", "dataset.augment.scale"),
    *("dataset.augment.translate", "dataset.augment.crop_padding", "network.hidden", "network.votes"),
    *("network.dropout", "trainer.batch_size", "trainer.eval_batch_size", "trainer.clip_grad_norm", "trainer.ema"),
    *("trainer.accumulate", "trainer.early_stopping", "monitor.samples", "monitor.neurons", "trainer.device"),
    *("dataset.workers", "trainer.precision", "detach_reset", "name", "monitor.layers"),
)


def small(config: Config) -> bool:
    """Return whether a network of this configuration fits a test; a larger one would test memory, not input."""
    numbers = [config.T, config.network.votes, *config.network.hidden, config.dataset.augment.crop_padding]
    return max(numbers) <= MOST and config.dataset.workers == 0 and config.trainer.device != "cuda"


@fuzzed(4)
@given(st.lists(st.tuples(st.sampled_from(NUMERIC), values()).map("=".join), max_size=2))
def test_a_composed_configuration_can_be_built_or_is_refused(given_: list[str]) -> None:
    for config in checked([*SMALL, *given_], False):
        if small(config):
            try:
                prepared_by(config)
            except UserError as error:
                assert is_readable(error)


ODD = (
    # Valid by themselves, and at the limit of what a number can hold.
    ["optimizer.lr=1e300", "optimizer.weight_decay=1e-320"],
    ["neuron.v_threshold=1e30", "reset.v_reset=-1e30"],
    ["surrogate.alpha=1e30", "neuron.init_tau=1e30"],
    ["network.hidden=[]", "dataset.validation=0.999999", "T=1"],
    ["monitor=default", "monitor.layers=[]", "network.hidden=[1]"],
    ["name='${nothing}'", "dataset.augment.scale=[1e-300,1e30]", "dataset.augment.crop_padding=50"],
    ['name="<script>\'&|`"', "trainer.batch_size=9223372036854775807", "trainer.early_stopping=1"],
)


@pytest.mark.parametrize("given_", ODD, ids=range(len(ODD)))
def test_an_odd_configuration_trains_or_is_refused(
    given_: list[str], snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    Tried.cases += 1
    outcome = snntrain(*SMALL, *given_, "hydra.run.dir=run")
    print(outcome.err)
    assert outcome.status in (0, 1, 2)
    assert not outcome.err or output_is_readable(outcome.err)
    assert "Traceback" not in outcome.out + outcome.err
    assert (tmp_path / "run").exists() == (outcome.status != 2)


FLAGS = (
    *(
        "-m",
        "--multirun",
        "--cfg",
        "--cfg=job",
        "--resolve",
        "-p",
        "--package=x",
        "--config-dir",
        "-cn",
        "--help",
        "-h",
    ),
    *("--config-dir=/", "--config-name=../x", "--info", "--version", "-", "--", "---", "-x", "--config-dir=\x00"),
    *("eval", "inspect", "report", "doctor", "train", "help", "evall", "run=", "run=\x00", "run=/", "run=/dev/null"),
    *(
        "run=/proc/self",
        "sample=x",
        "sample=-1",
        "image=/dev/zero",
        "layer=[",
        "checkpoint=x",
        "out=/proc/x",
        "metric=x",
    ),
    *("/dev/null", "\x00", "=", "==", "", "\ud800", "é", "a" * 5000, "--shell-completion", "query=bash", "install=x"),
)


def arguments() -> st.SearchStrategy[list[str]]:
    command = st.sampled_from(["eval", "inspect", "report", "doctor", "", "--cfg job", "-m --cfg job"])
    words = st.lists(st.one_of(st.sampled_from(FLAGS), overrides()), max_size=4)
    return st.tuples(command, words).map(lambda both: [*both[0].split(), *both[1]])


@fuzzed(12)
@given(argv=arguments())
def test_any_command_line_ends_in_readable_lines(
    argv: list[str], snntrain: Callable[..., Outcome], tmp_path: Path
) -> None:
    if not argv or argv[0] == "doctor":
        # These train with good overrides; a bad one prevents it.
        argv = [*argv, "T=0"]
    elif argv[0] not in ("eval", "inspect", "report") and not any(word.startswith("--cfg") for word in argv):
        argv = [*argv, "--cfg", "job"]
    Tried.cases += 1
    outcome = snntrain(*argv)
    assert outcome.status in (0, 2), (argv, outcome.err)
    assert not outcome.err or output_is_readable(outcome.err), outcome.err
    assert bool(outcome.err) == (outcome.status == 2)
    assert "Traceback" not in outcome.out


def test_a_sweep_of_a_billion_jobs_is_refused_before_it_fills_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for sweep in (["seed=range(1000000000)"], ["seed=range(0,inf)"], ["seed=range(1000)", "T=range(1,1000)"]):
        with pytest.raises(UserError, match="a sweep takes 10,000 at most"):
            validate(sweep, multirun=True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.parametrize("sweep", ["T=glob(x)", "seed=range(0)", "seed=range(1,3,0)", "seed=range(0,nan)"])
def test_a_sweep_without_values_is_reported(sweep: str) -> None:
    with pytest.raises(UserError, match="gives no value at all"):
        validate([sweep], multirun=True)
