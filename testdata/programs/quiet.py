"""The default addresses and nothing else: no gateway, no proxy, no telemetry, no key that is worth anything."""

import os

KEYS = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"]

for name in list(os.environ):
    if name.upper().endswith(("_BASE_URL", "_PROXY")) or name.startswith(("OTEL_", "LANGSMITH_", "LANGCHAIN_")):
        del os.environ[name]
# onnxruntime reports its use to its vendor unless this is set before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
for name in KEYS:
    os.environ[name] = "not-a-key"
