"""Data file -> `Task`: readers, kind and column inference, splits, leak check, nested budgets."""

from crossover.task.check import ClassCount, DataCheck, FileRead, SetAside
from crossover.task.conversations import split_conversations
from crossover.task.label_names import read_label_names
from crossover.task.predictions import Predictions, read_predictions
from crossover.task.probes import read_probe
from crossover.task.prompts import PromptFile, read_prompt
from crossover.task.reader import Reader
from crossover.task.registry import read_table
from crossover.task.sample import sample, unlabelled, validation
from crossover.task.table import ReadOptions, Table
from crossover.task.task import Task

__all__ = [
    "ClassCount",
    "DataCheck",
    "FileRead",
    "Predictions",
    "PromptFile",
    "ReadOptions",
    "Reader",
    "SetAside",
    "Table",
    "Task",
    "read_label_names",
    "read_predictions",
    "read_probe",
    "read_prompt",
    "read_table",
    "sample",
    "split_conversations",
    "unlabelled",
    "validation",
]
