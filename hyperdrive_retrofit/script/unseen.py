"""Which code that is not seen may read the command line, or log: libraries that are not known, and other programs."""

from __future__ import annotations

import posixpath
import re
import shlex
import sys

from hyperdrive_retrofit.script.record import Record
from hyperdrive_retrofit.script.values.atoms import Const, External, Sequence, Value

_KNOWN = """
absl addict adlfs aiohttp albumentations altair attr attrs azure bokeh boto3 botocore box bs4 cachetools catboost
category_encoders cattr cattrs click cloudpickle colorama coloredlogs comet_ml cudf cuml cupy cv2 dask
datasets dateutil dice_ml dill distributed distutils dotenv duckdb easydict econml efficientnet_pytorch eli5 fairlearn
fastai fastcore fastparquet fastprogress feature_engine filelock flax fsspec future gensim geopandas google h5py
haiku hydra horovod httpx hyperopt ignite imageio imblearn imgaug imp interpret IPython jax joblib jsonschema keras
keras_tuner kerastuner kornia lifelines lightgbm lightning lime loguru lxml marshmallow matplotlib missingno mlflow
mltable mlxtend monai more_itertools mpl_toolkits munch networkx neptune ngboost nltk numba numexpr numpy omegaconf
onnx onnxmltools onnxruntime opencensus openpyxl optax optuna packaging pandas pandera past patsy peft PIL pkg_resources
plotly pmdarima polars prophet psutil psycopg2 pyarrow pydantic pymongo pynvml pyodbc pyspark pytorch_lightning
pytorch_tabnet pytz regex requests rich ruamel s3fs scipy seaborn segmentation_models_pytorch sentencepiece setuptools
shap shapely six skimage skl2onnx sklearn skopt skorch spacy sqlalchemy statsmodels structlog sympy tabulate tenacity
tensorboard tensorboardX tensorflow tensorflow_addons tensorflow_datasets tensorflow_hub tensorflow_probability
termcolor textblob tf_keras timm tokenizers toml tomli toolz torch torchaudio torchinfo torchmetrics torchsummary
torchtext torchvision tqdm transformers trl typing_extensions ujson urllib3 wandb wordcloud xgboost xlrd xlsxwriter
fire typer yacs yaml yellowbrick
"""

_OF_OTHER_PYTHONS = """
asynchat asyncore cgi crypt distutils imp imghdr nntplib pipes sndhdr smtpd telnetlib tomllib uu xdrlib
"""
KNOWN = frozenset((_KNOWN + _OF_OTHER_PYTHONS).split()) | sys.stdlib_module_names
"""Packages that neither read the command line nor log on the run, but for what is named below."""

_KNOWN_OF_AZUREML = (
    "core data dataprep exceptions explain fsspec interpret mlflow opendatasets pipeline telemetry train widgets"
)
KNOWN_OF_AZUREML = frozenset(_KNOWN_OF_AZUREML.split())
READS_COMMAND_LINE = re.compile(
    r"(fastai|fastcore)\.script|(pytorch_)?lightning\.(pytorch\.)?cli\b|ml_collections\.config_flags"
    r"|omegaconf\.OmegaConf\.from_cli|transformers\.HfArgumentParser"
    r"|trl\.TrlParser|(fileinput|getopt|optparse)\b|sys\.orig_argv"
)
"""What does read it in packages that are known otherwise."""

LOGGERS = re.compile(r"ml_?flow|azure_?ml", re.IGNORECASE)
"""The name of a logger or callback of another package: `lightning.pytorch.loggers.MLFlowLogger`."""

_PROGRAMS = """
7z apt apt-get az azcopy cat chmod chown conda cp curl date df du echo free git gunzip gzip hostname ln ls lscpu
mkdir mv nvidia-smi pip pip3 printenv ps pwd rm sleep tar touch uname unzip wget which whoami yum zip
"""

HARMLESS_PROGRAMS = frozenset(_PROGRAMS.split())
HARMLESS_MODULES = {"ensurepip", "nltk.downloader", "pip", "spacy"}


def note_name(record: Record, name: str) -> None:
    """Note what an imported or called name from outside the source directory may do."""
    parts = name.split(".")
    if READS_COMMAND_LINE.match(name):
        record.command_line_unseen = True
    if parts[0] == "azureml":
        if len(parts) > 1 and parts[1] not in KNOWN_OF_AZUREML and not parts[1].startswith("_"):
            record.unknown_libraries[".".join(parts[:2])] = None
    elif parts[0] not in KNOWN and parts[0]:
        record.unknown_libraries[parts[0]] = None
    elif parts[0] != "mlflow" and LOGGERS.search(name):
        record.logs_unseen = True


def logs_by_itself(name: str) -> bool:
    """Tell whether an object of an external class logs on the run unasked (AzureMLCallback of transformers)."""
    return name.startswith(("transformers.", "trl.")) and name.endswith("Trainer")


def note_program(record: Record, command: Value) -> None:
    """Note that another program is started, which may be a script that does all the work."""
    programs = [program for atom in command for program in _programs(atom)]
    if not programs or any(program not in HARMLESS_PROGRAMS for program in programs):
        record.logs_unseen = record.command_line_unseen = True
        record.folders_unseen = True
    elif "mkdir" in programs:
        record.folders_unseen = True


def _programs(command: object) -> list[str | None]:
    """Name the programs that a command starts; None for one that is not known, "pip" for a harmless module."""
    if isinstance(command, Sequence):
        return [_program([_word(item) for item in command.items])]
    if not isinstance(command, Const) or not isinstance(command.value, str) or set(command.value) & set("`$()<\n"):
        return [None]
    try:
        return [_program(list(shlex.split(part))) for part in re.split(r"&&|\|\||[;|]", command.value)]
    except ValueError:  # an open quote
        return [None]


def _word(item: Value) -> str | None:
    if item == frozenset({External("sys.executable")}):
        return "python"
    (atom, *others) = item or (None,)
    return atom.value if isinstance(atom, Const) and isinstance(atom.value, str) and not others else None


def _program(words: list[str | None]) -> str | None:
    program = posixpath.basename(words[0] or "") if words else ""
    if program.startswith("python") and words[1:2] == ["-m"]:
        return "pip" if len(words) > 2 and words[2] in HARMLESS_MODULES else None
    return program or None
