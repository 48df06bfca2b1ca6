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
from snntrain.config.schema.learning import (
    CosineOscillating,
    MultiStep,
    Plateau,
    Polynomial,
    RMSprop,
    Step,
)
from snntrain.config.schema.loss import TET, CERate, Loss
from snntrain.config.schema.model import (
    CSNN,
    LIF,
    MLP,
    PLIF,
    RIF,
    Encoder,
    Neuron,
    PiecewiseLeakyReLU,
    Reset,
    Surrogate,
)
from snntrain.config.schema.parallel import PSN, SlidingPSN
from snntrain.config.schema.readout import Integrated, Membrane, Readout
from snntrain.config.schema.rsnn import RSNN
from snntrain.config.schema.surrogates import S2NN, LeakyKReLU, LogTailedReLU, Pass, SquarewaveFourierSeries
from snntrain.config.schema.training import SGD, Adam, Cosine, Monitor, OneCycle, Scheduler, Trainer
from snntrain.config.schema.two_states import AdLIF, Cuba
from snntrain.config.schema.vision import (
    VGG,
    MSResNet,
    QKFormer,
    SEWResNet,
    SEWResNetEvents,
    Spikformer,
    SpikingResNet19,
)
from snntrain.config.schema.written import WrittenNetwork

SCHEMAS: dict[str, type] = {
    "config": Composition,
    "neuron/if": Neuron,
    "neuron/lif": LIF,
    "neuron/plif": PLIF,
    "neuron/rif": RIF,
    "neuron/psn": PSN,
    "neuron/sliding_psn": SlidingPSN,
    "neuron/cuba": Cuba,
    "neuron/adlif": AdLIF,
    "surrogate/surrogate": Surrogate,
    "surrogate/piecewise_leaky_relu": PiecewiseLeakyReLU,
    "surrogate/pass": Pass,
    "surrogate/log_tailed_relu": LogTailedReLU,
    "surrogate/leaky_k_relu": LeakyKReLU,
    "surrogate/s2nn": S2NN,
    "surrogate/squarewave_fourier_series": SquarewaveFourierSeries,
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
    "network/rsnn": RSNN,
    "network/layers": WrittenNetwork,
    "network/sew_resnet": SEWResNet,
    "network/sew_resnet_events": SEWResNetEvents,
    "network/ms_resnet": MSResNet,
    "network/spiking_resnet19": SpikingResNet19,
    "network/vgg": VGG,
    "network/spikformer": Spikformer,
    "network/qkformer": QKFormer,
    "readout/readout": Readout,
    "readout/sum_softmax": Integrated,
    "readout/membrane": Membrane,
    "loss/mse_rate": Loss,
    "loss/ce_rate": CERate,
    "loss/tet": TET,
    "optimizer/adam": Adam,
    "optimizer/sgd": SGD,
    "optimizer/rmsprop": RMSprop,
    "scheduler/none": Scheduler,
    "scheduler/cosine": Cosine,
    "scheduler/onecycle": OneCycle,
    "scheduler/polynomial": Polynomial,
    "scheduler/step": Step,
    "scheduler/multistep": MultiStep,
    "scheduler/cosine_oscillating": CosineOscillating,
    "scheduler/plateau": Plateau,
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
