"""LangChain: a prompt, a chat model and a parser in a chain, with the default provider package."""

import sys

import truth

truth.follow(sys.argv[1])

import quiet  # noqa: E402, F401
from langchain.chat_models import init_chat_model  # noqa: E402
from langchain_core.output_parsers import StrOutputParser  # noqa: E402
from langchain_core.prompts import ChatPromptTemplate  # noqa: E402

prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "{question}")])
chat = init_chat_model("gpt-4o-mini", model_provider="openai", max_retries=0, timeout=60)
answer = (prompt | chat | StrOutputParser()).invoke({"question": "What is an AI-BOM?"})
assert answer
