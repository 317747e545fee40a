"""Trains a tokenizer by its own library, and copies a model out of the package that ships it, under a name of ours."""

import shutil
import sys
import sysconfig
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

sys.dont_write_bytecode = True
folder = Path(sys.argv[1])

tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
texts = ["nothing is invented", "every loss is declared", "the observed party has no say"]
tokenizer.train_from_iterator(texts * 8, trainers.BpeTrainer(vocab_size=120, special_tokens=["[UNK]"]))
tokenizer.save(str(folder / "tokenizer.json"))

site = Path(sysconfig.get_path("purelib"))
shutil.copyfile(site / "magika/models/standard_v3_3/model.onnx", folder / "content-type.onnx")
