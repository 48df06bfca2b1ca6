"""Overrides of every kind that a user can type, and of many that nobody can."""

from functools import cache
from typing import Any

from hypothesis import strategies as st
from omegaconf import DictConfig

from snntrain.config.compose import composer

SHORT = ("0", "1", "-1", "2", "3", "4", "0.5", "true", "false", "null", "None", "???")
NUMBERS = (
    *("1e9", "1e309", "-1e309", "inf", "-inf", "nan", "NaN", "1_000", "0x10", "010", "1e-320", "-0.0", "１", "²"),
    *("9" * 19, "9" * 30, "9" * 5000),
)
WORDS = (
    *("", "''", '""', "'", '"', "\\", "\\\\", "a b", " ", "#", "%s", "{0}", "*", "~", "|", ",", "=", "a,b", "1,2,x"),
    *("\t", "\n", "\r\n", "\x00", "\x1b[31m", "\x1b]0;title\x07", "\u202e", "\ud800", "é", "日本", "🧠", "x" * 3000),
    *("../..", "/etc/passwd", "os.system", "torch.load", "snntrain.cli.main.main", "cuda:-1", "cuda:99999999999"),
    *("lif", "plif", "rif", "soft", "digits", "mlp", "sgd", "cpu", "auto", "cuda", "sigmoid", "fp16"),
)
COLLECTIONS = (
    *(
        "[",
        "]",
        "[]",
        "{",
        "}",
        "{}",
        "[1,2]",
        "[2,1]",
        "[[1],[2]]",
        "[null]",
        "[a,b]",
        "[nan]",
        "{a:1}",
        "{T:{a:[1]}}",
    ),
    *("[" * 60, "[" * 60 + "]" * 60, "[" * 2000 + "]" * 2000, "{a:" * 60, "!!python/object:os.system"),
)
SWEEPS = (
    *("choice(1,2)", "range(3)", "range(0)", "range(1,0)", "range(100000000000)", "range(0,1,1e-12)", "range(0,inf)"),
    *("range(1,3,0)", "range(0,nan)", "interval(0,1)", "glob(*)", "glob(x)", "glob([*,a],exclude=a)", "shuffle(1,2)"),
    *("sort(2,1)", "tag(a,1)", "extend_list(1)", "int(x)", "float(1e400)", "str(1)", "json_str({a:1})"),
)
INTERPOLATIONS = (
    *("${", "${}", "$", "${.}", "${..}", "${...T}", "${T}", "${name}", "${nothing}", "${neuron}", "${a.b.c[0]}"),
    *("${hydra:runtime.cwd}", "${hydra.run.dir}", "${hydra.job.num}", "${oc.env:HOME}", "${oc.env:NO_SUCH,1}"),
    *("${oc.env}", "${oc.decode:'{'}", "${oc.create:{_target_:os.system}}", "${oc.select:T}", "${oc.dict.keys:neuron}"),
    *("${now:%Y}", "${short_id:}", "${job_folder:1,2}", "${python_version:}"),
)
MADE_UP = (
    *(
        "",
        "x",
        "neuron.x",
        "neuron.tau.x",
        "T.x",
        "neuron/x",
        "a/b/c",
        "neuron@neuron",
        "neuron@x",
        "neuron@",
        "@",
        "@x",
    ),
    *("/", "//", "neuron/", "..", ".", "neuron..tau", ".T", "T.", "neuron[0]", "network.hidden.0", "network.hidden[0]"),
    *("hydra", "hydra.x", "hydra/launcher", "hydra/sweeper", "hydra/job_logging", "hydra/output", "hydra.searchpath"),
    *("hydra.callbacks.x._target_", "hydra.launcher._target_", "schema/neuron/lif@neuron", "schema/config", "defaults"),
    *("experiment", "debug", "experiment@x", "_self_", "_target_", "é", "日本", "\x00", "a b", "$T", "${T}", "oc.env"),
)
SIGNS = ("", "", "", "", "", "", "+", "~", "++", "+~", "-", "@")


@cache
def keys() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return all keys of the default configuration, our own and Hydra's."""
    with composer() as compose:
        found = list(_paths(compose([])))
    return tuple(key for key in found if not key.startswith("hydra")), tuple(k for k in found if k.startswith("hydra"))


def _paths(node: DictConfig, prefix: str = "") -> Any:
    for key in map(str, node):
        yield f"{prefix}{key}"
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_interpolation():
            yield from _paths(child, f"{prefix}{key}.")


def values() -> st.SearchStrategy[str]:
    listed = st.sampled_from((*SHORT, *SHORT, *NUMBERS, *WORDS, *COLLECTIONS, *SWEEPS, *INTERPOLATIONS))
    drawn = st.one_of(st.integers().map(str), st.floats().map(str), st.text(max_size=8))
    return st.one_of(listed, listed, drawn, st.tuples(listed, drawn).map("".join))


def overrides() -> st.SearchStrategy[str]:
    """Draw one override, mostly of an existing key."""
    own, hydra = keys()
    key = st.one_of(*[st.sampled_from(own)] * 6, st.sampled_from(hydra), st.sampled_from(MADE_UP), st.text(max_size=6))
    whole = st.tuples(st.sampled_from(SIGNS), key, st.just("="), values()).map("".join)
    return st.one_of(*[whole] * 15, st.tuples(st.sampled_from(SIGNS), key).map("".join))
