"""The space of a search: its forms, its checks, and the overrides of a trial."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from snntrain.cli.search import checks, forms
from snntrain.cli.search.space import Choice, Range, Space
from snntrain.config.compose import Composer, composer
from snntrain.errors import UserError


@pytest.fixture
def compose() -> Iterator[Composer]:
    with composer() as made:
        yield made


def dimensions(compose: Composer, *overrides: str) -> dict[str, Choice | Range]:
    return {each.key: each for each in checks.read(compose, overrides).space.dimensions}


def refused(compose: Composer, *overrides: str) -> list[str]:
    with pytest.raises(UserError) as error:
        checks.read(compose, overrides)
    return list(error.value.lines)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("optimizer.lr=log(1e-4, 1e-1)", Range("optimizer.lr", 1e-4, 0.1, log=True)),
        ("optimizer.lr=uniform(0.1,0.5,step=0.2)", Range("optimizer.lr", 0.1, 0.5, step=0.2)),
        ("optimizer.lr=(0.1,0.5)", Range("optimizer.lr", 0.1, 0.5)),
        ("optimizer.lr=interval(1,2)", Range("optimizer.lr", 1, 2)),
        ("optimizer.lr=tag(log,interval(1e-4,1e-1))", Range("optimizer.lr", 1e-4, 0.1, log=True)),
        ("T=int(2,8)", Range("T", 2, 8, whole=True)),
        ("T=int(2,9,step=3)", Range("T", 2, 8, step=3, whole=True)),
        ("T=int(1,64,log)", Range("T", 1, 64, log=True, whole=True)),
        # A key that takes whole numbers only gets no others.
        ("T=(2,8)", Range("T", 2, 8, whole=True)),
        ("T=range(2,9,2)", Range("T", 2, 8, step=2, whole=True)),
        ("neuron=lif,plif", Choice("neuron", ("lif", "plif"))),
        ("network.hidden=[64],[128,64]", Choice("network.hidden", ("[64]", "[128,64]"))),
        ("search.space.T=[2,4]", Choice("T", ("2", "4"))),
        ("search.space.T=int(2,8)", Range("T", 2, 8, whole=True)),
    ],
)
def test_a_form_is_read_as_it_is_meant(compose: Composer, given: str, meant: Choice | Range) -> None:
    assert list(dimensions(compose, given).values()) == [meant]


@pytest.mark.slow
def test_a_space_in_braces_and_one_in_a_file_mean_the_same(tmp_path: Path) -> None:
    text = "{optimizer.lr: log(1e-4, 1e-1), neuron: [lif, plif], network.hidden: [[64], [128, 64]]}"
    with composer() as compose:
        given = dimensions(compose, f"search.space={text}")
    assert list(given) == ["neuron", "optimizer.lr", "network.hidden"]
    (tmp_path / "search").mkdir()
    for name, content in {
        "flow": f"space: {text}",
        "block": "space:\n  optimizer.lr: log(1e-4, 1e-1)\n  neuron: [lif, plif]\n  network.hidden: [[64], [128, 64]]",
        "nested": "space:\n  optimizer: {lr: 'log(1e-4, 1e-1)'}\n  neuron: [lif, plif]\n"
        "  network: {hidden: [[64], [128, 64]]}",
    }.items():
        file = f"defaults: [default, _self_]\n{content}\n"
        (tmp_path / "search" / f"{name}.yaml").write_text(file)
    with composer(config_dir=str(tmp_path)) as own:
        for name in ("flow", "block", "nested"):
            assert dimensions(own, f"search={name}") == given
        # The command line adds to a file, and has the last word.
        more = dimensions(own, "search=block", "neuron=if,rif", "T=2,4")
    assert more["neuron"] == Choice("neuron", ("if", "rif"))
    assert more.keys() == {*given, "T"}


def test_both_ends_and_every_choice_are_checked_and_all_mistakes_are_reported_once(compose: Composer) -> None:
    lines = refused(compose, "optimizer.lr=(-1,2)", "T=int(1,1000000)", "neuron=lif,plof", "Tee=int(1,2)")
    assert sorted(line.partition(": ")[0] for line in lines) == [
        "T is 1,000,000; give at most 100,000 (time steps)",
        "Tee=1",
        "neuron=plof",
        "optimizer.lr=-1.0",
    ]
    assert any("did you mean plif?" in line for line in lines)
    # A rule between two values.
    (line,) = refused(compose, "reset.v_reset=(0,2)", "neuron=lif,plif")
    assert line == "reset.v_reset=2.0: must be below neuron.v_threshold=1.0"


def test_many_keys_are_no_sweep_with_too_many_jobs(compose: Composer) -> None:
    keys = ("T", "seed", "trainer.batch_size", "trainer.accumulate")
    wide = [f"{key}={','.join(map(str, range(1, 12)))}" for key in keys]
    assert len(dimensions(compose, *wide)) == 4


def test_a_key_of_one_option_is_drawn_only_with_that_option(compose: Composer) -> None:
    space = checks.read(compose, ["neuron=if,lif,plif", "neuron.tau=(1.5,4)", "optimizer.lr=(0.1,1)"]).space
    assert space.only_with == {"neuron.tau": ("neuron", frozenset({"lif"}))}
    assert space.overrides({"neuron": "if", "optimizer.lr": 0.5}) == ["neuron=if", "optimizer.lr=0.5"]
    assert "neuron.tau=2.0" in space.overrides({"neuron": "lif", "optimizer.lr": 0.5, "neuron.tau": 2.0})
    for wrong in ({"neuron": "lif", "optimizer.lr": 0.5}, {"neuron": "if", "optimizer.lr": 0.5, "neuron.tau": 2.0}):
        with pytest.raises(UserError, match="not in its space"):
            space.overrides(wrong)
    assert "neuron.tau" in refused(compose, "neuron=if,plif", "neuron.tau=(1.5,4)")[0]


def test_a_trial_of_a_stranger_with_other_keys_or_values_is_refused(compose: Composer) -> None:
    space = checks.read(compose, ["neuron=lif,plif", "T=int(2,8)"]).space
    for wrong in (
        {"neuron": "lif", "T": 4, "allow_targets": "[os]"},
        {"neuron": "rif", "T": 4},
        {"neuron": "lif", "T": 9},
        {"neuron": "lif", "T": 4.0},
        {"neuron": ["lif"], "T": 4},
        {"neuron": "lif", "T": True},
    ):
        with pytest.raises(UserError, match="damaged"):
            space.overrides(wrong)  # type: ignore[arg-type]


def test_a_grid_has_each_combination_once(compose: Composer) -> None:
    space = checks.read(compose, ["neuron=if,lif", "neuron.tau=2,3", "T=int(2,6,step=2)"]).space
    combinations = [tuple(sorted(values.items())) for values in space.grid()]
    # Three T with if, and three T with two tau with lif.
    assert len(combinations) == len(set(combinations)) == space.size() == 9
    assert Space((Range("a", 0, 1),)).size() == float("inf")


def test_a_name_of_a_folder_is_short_and_holds_no_reference() -> None:
    space = Space((Choice("neuron", ("lif",)), Range("optimizer.lr", 0, 1), Choice("name", ("${oc.env:HOME}",))))
    values = {"neuron": "lif", "optimizer.lr": 0.123456789, "name": "${oc.env:HOME}"}
    assert space.name(values) == "neuron=lif,optimizer.lr=0.1235,name=-{oc.env:HOME}"
    assert space.overrides(values)[1] == "optimizer.lr=0.123456789"


def test_int_of_one_number_stays_an_override() -> None:
    assert not forms.is_form("int(3)")
    assert not forms.is_form("choice(1,2)")
    assert forms.is_form("int(3,4)")
