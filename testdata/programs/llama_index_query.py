"""LlamaIndex: cuts documents into nodes and asks a model about them."""

import sys

import truth

truth.follow(sys.argv[1])

import quiet  # noqa: E402, F401
from llama_index.core import Document, PromptTemplate, SummaryIndex  # noqa: E402
from llama_index.core.node_parser import SentenceSplitter  # noqa: E402
from llama_index.llms.openai import OpenAI  # noqa: E402

llm = OpenAI(model="gpt-4o-mini", max_retries=0, timeout=60)
documents = [Document(text="An AI-BOM lists models, packages and endpoints.")]
index = SummaryIndex.from_documents(documents, transformations=[SentenceSplitter(chunk_size=128, chunk_overlap=0)])
template = PromptTemplate("{context_str}\n{query_str}")
engine = index.as_query_engine(llm=llm, text_qa_template=template, response_mode="compact")
assert str(engine.query("What does an AI-BOM list?"))
