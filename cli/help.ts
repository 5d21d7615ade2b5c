import { COMMANDS } from "./commands.ts";

/** Returns the help of `wasmlet` itself; written here because loading the argument parser takes longer than Node.js. */
export function renderHelp(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const commands = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Wasmlet runs WebAssembly apps on a node, without starting a pod for each.

Usage: wasmlet COMMAND [options]

Commands:
${commands.join("\n")}

Options:
  -h, --help     Show help; \`wasmlet COMMAND --help\` shows a command's
  -V, --version  Show the version

Environment:
  WASMLET_CACHE       Folder for prepared artifacts; default $XDG_CACHE_HOME/wasmlet or ~/.cache/wasmlet
  WASMLET_CACHE_SIZE  What that folder may hold before what is unused goes; default 4Gi
  DOCKER_CONFIG       Folder of docker's config.json, where credentials for registries are; default ~/.docker
  HTTPS_PROXY         Proxy for registries, with HTTP_PROXY and NO_PROXY
  WASMLET_DEBUG       1 shows the stack of every error
  NO_COLOR            Anything turns colours off

Examples:
  wasmlet serve ./manifests            Serve every WasmApp of a folder
  wasmlet run tour.wasm -- --exit 3    Run a program as if it were native
  wasmlet validate app.yaml            Say what is wrong with a manifest, and where
`;
}
