"""Settings arrive in another process as they were sent, whatever options they hold."""

from itertools import zip_longest
from pathlib import Path

from snntrain.config import wire
from snntrain.config.compose import composer
from snntrain.config.composed import Composed

from .test_composed import OWN_DATASET, composed

GROUPS = (
    *("neuron", "surrogate", "reset", "dataset", "dataset/augment", "encoder", "network", "readout", "loss"),
    *("optimizer", "scheduler", "monitor"),
)


def test_every_option_arrives_as_it_was_sent() -> None:
    with composer() as compose:
        options = [[f"{group}={option}" for option in compose.loader.get_group_options(group)] for group in GROUPS]
        assert min(map(len, options)) > 1
        # The first option of all groups together, then the second, and so on.
        for together in zip_longest(*options):
            words = [word for word in together if word is not None]
            config = Composed(compose(words)).settings()
            assert wire.from_json(wire.to_json(config)) == config, words


def test_a_data_set_of_the_users_own_arrives_with_all_its_keys(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "mine.yaml").write_text(OWN_DATASET)
    config = composed(["dataset=mine", "allow_targets=[mine]"], tmp_path).settings()
    assert vars(wire.from_json(wire.to_json(config)).dataset) == vars(config.dataset)
