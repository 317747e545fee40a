"""Makes real stores: a Hugging Face cache and a download folder, by `huggingface_hub` itself, from a hub of our own.

    python make_stores.py FOLDER

Writes FOLDER/hub (a cache), FOLDER/local (a download folder) and FOLDER/stores.json: for every file, what the library's
own `scan_cache_dir` says of it. The hub is a small server on the loopback device; nothing else is asked.
"""

import hashlib
import http.server
import json
import os
import pathlib
import struct
import sys
import threading

COMMIT = hashlib.sha1(b"commit").hexdigest()
REPOSITORIES = ("corpus/tiny", "gpt2")


def safetensors(seed):
    header = json.dumps({f"w{seed}": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes([seed]) * 24


def files():
    shards = {f"model-0000{n}-of-00002.safetensors": safetensors(n) for n in (1, 2)}
    index = {"metadata": {"total_size": 48}, "weight_map": {f"w{n}": f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}}
    config = {"architectures": ["TinyModel"], "model_type": "llama", "hidden_size": 2, "torch_dtype": "float32"}
    return {
        **shards,
        "model.safetensors.index.json": json.dumps(index).encode(),
        "sub/config.json": json.dumps(config).encode(),
    }


FILES = files()


def etag(name):
    """As the hub has it: large files by SHA-256, small ones by git's digest."""
    content = FILES[name]
    if name.endswith(".safetensors"):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, body=True):
        path = self.path.split("?")[0]
        name = path.split(f"/resolve/", 1)[-1].partition("/")[2] if "/resolve/" in path else None
        if name in FILES:
            content, headers = FILES[name], {"ETag": f'"{etag(name)}"', "X-Repo-Commit": COMMIT}
            if name.endswith(".safetensors"):
                headers |= {"X-Linked-Etag": f'"{etag(name)}"', "X-Linked-Size": str(len(content))}
        elif path.startswith("/api/models/"):
            rows = [{"rfilename": name} for name in FILES]
            content = json.dumps({"id": path, "sha": COMMIT, "siblings": rows}).encode()
            headers = {"Content-Type": "application/json"}
        else:
            self.send_error(404)
            return
        self.send_response(200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def do_GET(self):
        self.answer()

    def do_HEAD(self):
        self.answer(body=False)


def share(cache):
    """Moves one shard to where the whole cache shares it, as a download by Xet does; its name there is no SHA-256."""
    from huggingface_hub.utils import _shared_blobs

    name = "model-00002-of-00002.safetensors"
    xet = hashlib.sha256(b"not the content").hexdigest()
    first, *others = [cache / f"models--{it.replace('/', '--')}" / "blobs" / etag(name) for it in REPOSITORIES]
    about = {"xet_hash": xet, "cache_dir": cache, "expected_size": len(FILES[name])}
    assert _shared_blobs.publish_blob_to_shared_store(blob_path=str(first), **about)
    for other in others:
        other.unlink()
        assert _shared_blobs.try_link_from_shared_store(blob_path=str(other), **about)


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ |= {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(folder / "home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    import huggingface_hub

    cache = folder / "hub"
    for repository in REPOSITORIES:
        for name in FILES:
            huggingface_hub.hf_hub_download(repository, name, cache_dir=cache)
    for name in FILES:
        huggingface_hub.hf_hub_download(REPOSITORIES[0], name, local_dir=folder / "local")
    share(cache)
    rows = []
    for repo in huggingface_hub.scan_cache_dir(cache).repos:
        for revision in repo.revisions:
            for file in revision.files:
                rows.append(
                    {
                        "path": str(file.file_path.resolve().relative_to(folder)),
                        "store": "huggingface-cache",
                        "name": repo.repo_id,
                        "revision": revision.commit_hash,
                        "references": sorted(revision.refs),
                        "file": str(file.file_path.relative_to(revision.snapshot_path)),
                        "etag": pathlib.Path(os.readlink(file.file_path)).name,
                    }
                )
    for name in FILES:
        rows.append(
            {
                "path": f"local/{name}",
                "store": "huggingface-folder",
                "name": None,
                "revision": COMMIT,
                "references": [],
                "file": name,
                "etag": etag(name),
            }
        )
    rows.sort(key=lambda row: (row["path"], row["revision"]))
    by = f"huggingface_hub {huggingface_hub.__version__}"
    (folder / "stores.json").write_text(json.dumps({"by": by, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
