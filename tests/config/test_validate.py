"""All errors of a command line are reported before anything is built, one per line."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from snntrain.config.combinations import combinations
from snntrain.config.compose import CONF, composer
from snntrain.config.validate import _values, checked, validate
from snntrain.errors import UserError

PLIF_KEYS = "the keys are _target_, v_threshold, learn_threshold, per_neuron, init_tau, clamp, decay_input"


def errors(*overrides: str, **options: object) -> list[str]:
    with pytest.raises(UserError) as caught:
        validate(overrides, **options)
    return list(caught.value.lines)


def test_the_defaults_are_plif_with_tau_2_atan_hard_reset_and_detach():
    (config,) = validate([])
    assert config.neuron._target_ == "snntrain.neuron.PLIFNode"
    assert config.neuron.init_tau == 2.0
    assert config.surrogate._target_ == "snntrain.neuron.surrogate.ATan"
    assert config.reset.v_reset == 0.0
    assert config.detach_reset is True


def test_all_errors_are_reported_at_once():
    lines = errors("neuron.taau=3", "T=abc", "optimizer.lr=-1", "neurn=lif", "surrogate=[a", "trainer.precision=fp8")
    reported = [line.partition(":")[0] for line in lines]
    assert sorted(reported) == sorted(
        ["neuron.taau=3", "T=abc", "optimizer.lr=-1.0", "neurn=lif", "surrogate=[a", "trainer.precision=fp8"]
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("T=0", "reset.v_reset=2"), ["T=0", "reset.v_reset=2.0"]),
        (("lr=1", "reset.v_reset=2"), ["lr=1", "reset.v_reset=2.0"]),
        (("neuron.v_threshold=inf", "reset.v_reset=2"), ["neuron.v_threshold=inf"]),
        (("neuron.v_threshold=high", "reset.v_reset=2"), ["neuron.v_threshold=high"]),
        (("neuron=liff", "reset.v_reset=2", "optimizer.betas=[1]"), ["neuron=liff", "optimizer.betas=[1.0]"]),
        (("neuron=liff", "reset.v_reset=2", "optimizer.betas=[.9]"), ["neuron=liff", "optimizer.betas=[0.9]"]),
    ],
)
def test_a_rule_is_skipped_when_one_of_its_values_is_wrong_by_itself(overrides, message):
    assert [line.partition(":")[0] for line in errors(*overrides)] == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("neuron=liff", "there are adlif, cuba, if, lif, plif, psn, rif, sliding_psn (did you mean lif?)"),
        ("neuron=[1]", "a group takes the name of an option, as in neuron=lif"),
        ("neuron=[[lif]]", "a group takes the name of an option"),
        ("neurn=lif", "did you mean neuron?"),
        ("neuron.int_tau=3", "did you mean init_tau?"),
        ("lr=0.1", "did you mean optimizer.lr?"),
        ("neuron.tau=3", "with neuron=plif there is no key 'tau'"),
        ("T=abc", "must be a whole number, >= 1"),
        ("T=1.5", "must be a whole number, >= 1"),
        ("T=null", "must be a whole number"),
        ("trainer.compile=maybe", "must be true or false"),
        ("network.channels=3", "must be a list of whole numbers"),
        ("trainer.clip_grad_norm=x", "must be a number, > 0 or null"),
        ("T=0", "must be >= 1"),
        ("seed=-1", "must be >= 0"),
        ("network.channels=[32,0]", "must be >= 1"),
        ("neuron.v_threshold=nan", "must be a finite number"),
        ("optimizer.lr=inf", "must be > 0"),
        ("neuron.init_tau=0", "must be > 0"),
        ("neuron.init_tau=1", "must be > 1 with neuron.clamp=sigmoid"),
        ("neuron.clamp=cube", "must be one of sigmoid"),
        ("trainer.precision=fp8", "must be one of auto, fp32, tf32, bf16, fp16"),
        ("trainer.device=gpu", "must be auto, cpu, cuda or cuda:<index>"),
        ("reset.v_reset=1", "must be below neuron.v_threshold=1.0"),
        ("dataset.augment.scale=[2,1]", "must be two numbers [lo, hi]"),
        ("optimizer.betas=[0.9]", "must be two numbers"),
        ("neuron=lif,plif", "add -m to sweep"),
        ("neuron", "cannot be read"),
        ("+T2=3", "there is no key 'T2'"),
        ("+neuron.slope=3", "there is no key 'slope'"),
        ("~T", "T is needed"),
        ("trainer=3", "no trainer '3'"),
        ("neuron=null", "there are adlif, cuba, if, lif, plif, psn, rif, sliding_psn"),
    ],
)
def test_one_wrong_override_gives_one_line_that_says_what_is_allowed(override, message):
    (line,) = errors(override)
    assert message in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("neuron=lif", "neuron.tau=-1"), "neuron.tau=-1.0: must be > 0"),
        (("neuron=rif", "neuron.init_w=2", "neuron.amplitude=1"), "inside the open interval (-1, 1)"),
        (("neuron=rif", "neuron.amplitude=[1,0]"), "lo < hi"),
        (("neuron=rif", "neuron.amplitude=0"), "A > 0"),
        (("neuron=rif", "neuron.amplitude=wide"), "null, a number A"),
        (("neuron.v_threshold=0", "reset=soft"), "must be > 0 with reset=soft"),
        (("optimizer=sgd", "optimizer.momentum=0"), "needs optimizer.momentum > 0"),
        (("trainer.device=cpu", "trainer.precision=fp16"), "needs a GPU"),
        (("trainer.device=cpu", "trainer.precision=tf32"), "trainer.precision=tf32: needs a GPU; on a CPU use"),
    ],
)
def test_values_that_do_not_fit_each_other_are_reported(overrides, message):
    (line,) = errors(*overrides)
    assert message in line


@pytest.mark.parametrize(
    "overrides",
    [
        ["neuron=plif", "neuron.init_tau=0.5", "neuron.clamp=null"],
        ["neuron=plif", "neuron.init_tau=1", "neuron.clamp=reciprocal_abs_plus_1"],
        ["neuron=rif", "neuron.init_w=-0.5", "neuron.amplitude=[-1,0]"],
        ["reset=soft"],
        ["reset.v_reset=-0.3"],
        ["optimizer=sgd", "scheduler=onecycle", "loss=ce_rate", "network=mlp", "encoder=poisson"],
    ],
)
def test_values_that_fit_are_composed(overrides):
    assert len(validate(overrides)) == 1


def test_a_sweep_is_checked_in_each_of_its_values():
    lines = errors("neuron=lif,plif", "neuron.tau=3", multirun=True)
    assert lines == ["neuron.tau=3: with neuron=plif there is no key 'tau'; " + PLIF_KEYS]


def test_a_sweep_over_all_options_and_a_range_is_valid():
    configs = validate(["neuron=glob(*)", "seed=range(3)", "T=2"], multirun=True)
    files = sorted((CONF / "neuron").glob("*.yaml"))
    names = [yaml.safe_load(file.read_text())["_target_"].rpartition(".")[2] for file in files]
    assert {"IFNode", "LIFNode", "PLIFNode", "RIFNode"} < set(names)
    assert [(config.neuron._target_.rpartition(".")[2], config.seed, config.T) for config in configs] == [
        *((name, 0, 2) for name in names),
        (names[0], 1, 2),
        (names[0], 2, 2),
    ]


def test_every_bad_value_of_a_swept_key_is_reported():
    assert errors("T=2,0,x,4,y", "neuron.tau=1,2", multirun=True) == [
        "neuron.tau=1: with neuron=plif there is no key 'tau'; " + PLIF_KEYS,
        "T=0: must be >= 1 (time steps)",
        "T=x: must be a whole number, >= 1 (time steps)",
        "T=y: must be a whole number, >= 1 (time steps)",
        "neuron.tau=2: with neuron=plif there is no key 'tau'; " + PLIF_KEYS,
    ]


@pytest.mark.parametrize(
    ("swept", "message"),
    [
        (("reset.v_reset=0,0.8", "neuron.v_threshold=1,0.5"), ["reset.v_reset=0.8", "neuron.v_threshold=0.5"]),
        (
            ("neuron=lif,plif", "reset.v_reset=-2,null", "neuron.v_threshold=1,-1"),
            ["neuron.v_threshold=-1.0", "reset=soft"],
        ),
        (("trainer.device=auto,cpu", "trainer.precision=auto,fp16"), ["trainer.precision=fp16"]),
        (("optimizer=sgd", "optimizer.nesterov=false,true", "optimizer.momentum=0.9,0"), ["optimizer.nesterov=true"]),
    ],
)
def test_a_sweep_is_checked_in_each_combination_of_values_that_must_fit_each_other(swept, message):
    lines = errors(*swept, multirun=True)
    assert any(all(word in line for word in message) for line in lines)


def test_a_preset_can_change_what_a_swept_value_must_fit(tmp_path):
    (tmp_path / "experiment").mkdir()
    for name, threshold in {"low": 0.5, "high": 1.0}.items():
        text = f"# @package _global_\nneuron:\n  v_threshold: {threshold}\n"
        (tmp_path / "experiment" / f"{name}.yaml").write_text(text)
    swept = ["experiment=high,low", "reset.v_reset=0,0.8"]
    assert errors(*swept, multirun=True, config_dir=str(tmp_path)) == [
        "reset.v_reset=0.8: must be below neuron.v_threshold=0.5"
    ]


def test_values_that_need_not_fit_each_other_are_not_combined():
    swept = ["neuron=if,lif,plif,rif", "surrogate=glob(*)", "reset.v_reset=0,0.1", "network=mlp,csnn"]
    with composer() as compose:
        values = [_values(compose.parse(line)) for line in swept]
        assert len([values for shared in combinations(compose.chooses, values) for values in shared.values]) == 4 * 2


def test_a_great_sweep_is_left_to_its_jobs():
    with composer() as compose:
        values = [[f"reset.v_reset=0.{n}" for n in range(40)], [f"neuron.v_threshold=1.{n}" for n in range(40)]]
        assert list(combinations(compose.chooses, values)) == []


def test_a_target_outside_the_allow_list_is_refused_unless_the_command_line_allows_it():
    (line,) = errors("neuron._target_=os.system")
    assert "allow_targets=[os]" in line
    assert validate(["neuron._target_=mypkg.Node", "allow_targets=[mypkg]"])


def test_a_prefix_is_a_whole_package_name():
    (line,) = errors("neuron._target_=mypkg_evil.Node", "allow_targets=[mypkg]")
    assert line.startswith("neuron._target_=mypkg_evil.Node")


def test_a_file_cannot_allow_itself_targets(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nallow_targets: [os]\nneuron:\n  _target_: os.system\n"
    )
    lines = errors("experiment=mine", config_dir=str(tmp_path))
    assert any("only counts on the command line" in line for line in lines)
    assert any(line.startswith("neuron._target_=os.system") for line in lines)


def test_a_file_cannot_make_hydra_or_logging_run_code(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nhydra:\n  callbacks:\n    evil:\n      _target_: os.system\n"
        "  job_logging:\n    formatters:\n      evil:\n        (): os.system\n"
    )
    lines = errors("experiment=mine", config_dir=str(tmp_path))
    assert [line.split(": ")[:2] for line in lines] == [
        ["experiment/mine.yaml", "hydra.callbacks.evil._target_"],
        ["experiment/mine.yaml", "hydra.job_logging.formatters.evil.()"],
    ]


def test_a_missing_config_dir_is_reported(tmp_path):
    (line,) = errors(config_dir=str(tmp_path / "none"))
    assert "there is no such folder" in line


def test_the_given_value_is_shown_on_one_line_of_limited_length():
    (line,) = errors("T=\n\x1b[31m" + "9" * 10_000)
    assert line.isprintable()
    assert len(line) < 1_000


def test_an_error_of_the_whole_composition_is_reported_if_each_override_fits_by_itself():
    (line,) = errors("T=8", "hydra.job.env_copy=[NO_SUCH]")
    assert line == "hydra.job.env_copy=[NO_SUCH]: the environment has no variable NO_SUCH; set it, or leave it out"


class Failing:
    """A composer that raises an error of the program itself in the compositions that `fails` selects."""

    def __init__(self, compose, fails):
        self.compose, self.fails = compose, fails

    def __getattr__(self, name):
        return getattr(self.compose, name)

    def __call__(self, overrides):
        if self.fails(overrides):
            raise ZeroDivisionError("of the program itself")
        return self.compose(overrides)

    def with_value(self, config, override):
        if self.fails([override]):
            raise ZeroDivisionError("of the program itself")
        return self.compose.with_value(config, override)


@pytest.mark.parametrize("failing", ["T=2", "T=4", "neuron=lif", "neuron=rif", "reset.v_reset=0.1"])
def test_an_error_that_is_not_about_overrides_is_not_taken_for_one(failing):
    swept = ["T=2,4", "neuron=lif,rif", "reset.v_reset=0,0.1", "neuron.v_threshold=1,2"]
    with composer() as compose, pytest.raises(ZeroDivisionError):
        checked(Failing(compose, lambda overrides: failing in overrides), swept, multirun=True)


@pytest.mark.parametrize("two", [("neuron=rif", "experiment=mnist_cpu"), ("reset.v_reset=0.1",)])
def test_an_error_in_a_combination_alone_is_not_lost(two):
    swept = ["neuron=lif,rif", "experiment=null,mnist_cpu", "reset.v_reset=0,0.1"]
    with composer() as compose, pytest.raises(ZeroDivisionError):
        checked(Failing(compose, lambda overrides: set(two) <= set(overrides)), swept, multirun=True)


KEYS = st.sampled_from(
    ["T", "seed", "neuron", "neuron.init_tau", "reset.v_reset", "optimizer.lr", "network.hidden", "x"]
)
VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=6),
    st.sampled_from(["null", "[]", "[1,2]", "{a:1}", "plif", "true", "''", "${T}", "${nothing}", "???"]),
)


# Many overrides in few examples: another override costs a copy, another example costs compositions.
@settings(max_examples=12)
@given(st.lists(st.tuples(KEYS, VALUES).map("=".join), max_size=8))
def test_any_overrides_are_composed_or_explained_in_single_lines(overrides):
    try:
        assert validate(overrides)
    except UserError as error:
        assert error.lines
        assert all("\n" not in line and line.strip() for line in error.lines)
