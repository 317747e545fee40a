// What a Node process has really loaded, as it knows itself: the answer that an observer's is compared with.
//
// Preloaded by `node --import`. A load hook hears of every ES module, require.cache has the CommonJS ones. When the
// process ends, `$PROGRAM_TRUTH/<pid>.json` has the packages of all of them, by the package.json of each.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire, register } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";

const { port1, port2 } = new MessageChannel();
register("./hook.mjs", import.meta.url, { data: { port: port2 }, transferList: [port2] });
port1.unref();

process.on("exit", () => {
  const files = new Set(Object.keys(createRequire(import.meta.url).cache));
  for (let told = receiveMessageOnPort(port1); told !== undefined; told = receiveMessageOnPort(port1)) {
    if (told.message.startsWith("file:")) files.add(fileURLToPath(told.message));
  }
  const packages = new Map();
  for (const file of files) {
    const about = aboutPackage(file);
    if (about !== undefined) packages.set(`${about.name}@${about.version}`, about);
  }
  const truth = {
    process: process.pid,
    language: "node",
    program: process.argv[1],
    interpreter: process.execPath,
    packages: [...packages.keys()].sort().map((key) => packages.get(key)),
    ran: [],
  };
  const path = join(process.env.PROGRAM_TRUTH, `${process.pid}.json`);
  writeFileSync(`${path}.part`, JSON.stringify(truth, null, 1));
  renameSync(`${path}.part`, path);
});

// Name and version of the package that a file is part of: an installed one, whose folder lies directly below the last
// node_modules (or below a scope in it), or else the project around the file, by the nearest package.json.
function aboutPackage(file) {
  const words = file.split("/");
  const at = words.lastIndexOf("node_modules");
  const installed = at >= 0 ? at + (words[at + 1].startsWith("@") ? 3 : 2) : undefined;
  for (let length = installed ?? words.length - 1; length > 0; length -= 1) {
    const path = join("/", ...words.slice(0, length), "package.json");
    if (existsSync(path)) {
      const { name, version = "" } = JSON.parse(readFileSync(path, "utf8"));
      return { name, version };
    }
    if (installed !== undefined) return undefined;
  }
  return undefined;
}
