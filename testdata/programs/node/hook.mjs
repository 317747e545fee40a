// The load hook of truth.mjs, in the thread that Node gives to hooks.

let port;

export function initialize(data) {
  port = data.port;
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  port.postMessage(url);
  return loaded;
}
