/*
 * Keys of `auths`: `ghcr.io`, `registry.example.com:5000/team`, `*.example.com`, `https://index.docker.io/v1/`. Which one is
 * meant is decided as Kubernetes does: host by host label, the longest path first, an exact host before a pattern.
 */

/** What docker calls its own registry, where others call it docker.io. */
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";
const DOCKER_HUB = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

interface Key {
  host: string;
  path: string;
}

/** Returns those of the keys that are for a repository of a registry, the best first. */
export function matchKeys(keys: readonly string[], registry: string, repository: string): string[] {
  const host = canonicalHost(registry);
  return keys
    .map((text) => ({ text, key: readKey(text) }))
    .filter(({ key }) => hostMatches(key.host, host) && pathMatches(key.path, repository))
    .sort((a, b) => b.key.path.length - a.key.path.length || wildcards(a.key.host) - wildcards(b.key.host))
    .map(({ text }) => text);
}

/** Returns the key that docker writes and asks helpers for. */
export function keyOf(registry: string): string {
  return DOCKER_HUB.has(registry) ? DOCKER_HUB_KEY : registry;
}

function readKey(text: string): Key {
  const [first = "", ...rest] = text.replace(/^https?:\/\//, "").split("/");
  const path = rest.join("/").replace(/\/+$/, "");
  return { host: canonicalHost(first), path: /^v[12]$/.test(path) ? "" : path };
}

function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return DOCKER_HUB.has(lower) ? "docker.io" : lower;
}

/** A `*` stands for any part of one label, and a port must be the same. */
function hostMatches(pattern: string, host: string): boolean {
  const [patternName, patternPort] = splitPort(pattern);
  const [name, port] = splitPort(host);
  const labels = name.split(".");
  const patterns = patternName.split(".");
  return (
    patternPort === port &&
    patterns.length === labels.length &&
    patterns.every((part, index) => labelMatches(part, labels[index] ?? ""))
  );
}

function labelMatches(pattern: string, label: string): boolean {
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return first === label;
  if (label.length < first.length + last.length || !label.startsWith(first) || !label.endsWith(last)) return false;
  let rest = label.slice(first.length, label.length - last.length);
  for (const part of others) {
    const at = rest.indexOf(part);
    if (at === -1) return false;
    rest = rest.slice(at + part.length);
  }
  return true;
}

function pathMatches(path: string, repository: string): boolean {
  return path === "" || repository === path || repository.startsWith(`${path}/`);
}

function splitPort(host: string): [name: string, port: string] {
  const match = /^(.*?)(?::(\d+))?$/.exec(host);
  return [match?.[1] ?? host, match?.[2] ?? ""];
}

function wildcards(host: string): number {
  return host.split("*").length;
}
