"""The schema of each YAML file in conf/, for Hydra."""

from hydra.core.config_store import ConfigStore

from snntrain.config.schema.commands import Composition, Ray, Search, SubmititSlurm, Sweep
from snntrain.config.schema.data import (
    CIFAR10DVS,
    EMNIST,
    Dataset,
    DVS128Gesture,
    EventFolder,
    Heidelberg,
    ImageFolder,
    Saccades,
    Tensors,
)
from snntrain.config.schema.model import (
    CSNN,
    LIF,
    MLP,
    PLIF,
    RIF,
    CERate,
    Encoder,
    MSERate,
    Neuron,
    PiecewiseLeakyReLU,
    Reset,
    Surrogate,
)
from snntrain.config.schema.training import SGD, Adam, Cosine, Monitor, OneCycle, Scheduler, Trainer
from snntrain.config.schema.two_states import AdLIF, Cuba

SCHEMAS: dict[str, type] = {
    "config": Composition,
    "neuron/if": Neuron,
    "neuron/lif": LIF,
    "neuron/plif": PLIF,
    "neuron/rif": RIF,
    "neuron/cuba": Cuba,
    "neuron/adlif": AdLIF,
    "surrogate/surrogate": Surrogate,
    "surrogate/piecewise_leaky_relu": PiecewiseLeakyReLU,
    "reset/reset": Reset,
    "dataset/digits": Dataset,
    "dataset/torchvision": Dataset,
    "dataset/emnist": EMNIST,
    "dataset/nmnist": Saccades,
    "dataset/ncaltech101": Saccades,
    "dataset/dvs128_gesture": DVS128Gesture,
    "dataset/cifar10_dvs": CIFAR10DVS,
    "dataset/shd": Heidelberg,
    "dataset/ssc": Heidelberg,
    "dataset/image_folder": ImageFolder,
    "dataset/event_folder": EventFolder,
    "dataset/tensors": Tensors,
    "encoder/encoder": Encoder,
    "network/mlp": MLP,
    "network/csnn": CSNN,
    "loss/mse_rate": MSERate,
    "loss/ce_rate": CERate,
    "optimizer/adam": Adam,
    "optimizer/sgd": SGD,
    "scheduler/none": Scheduler,
    "scheduler/cosine": Cosine,
    "scheduler/onecycle": OneCycle,
    "trainer/trainer": Trainer,
    "monitor/monitor": Monitor,
    "sweep/sweep": Sweep,
    "search/search": Search,
    "launcher/submitit_slurm": SubmititSlurm,
    "launcher/ray": Ray,
}


def register() -> None:
    """Register the schemas with Hydra, in a group of their own so that no list of options shows them."""
    store = ConfigStore.instance()
    # Hydra 1.4 warns of a second registration.
    if "config.yaml" in store.repo.get("schema", {}):
        return
    for path, node in SCHEMAS.items():
        group, _, name = f"schema/{path}".rpartition("/")
        store.store(group=group, name=name, node=node)
