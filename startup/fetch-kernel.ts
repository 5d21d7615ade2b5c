import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "../config/config.ts";
import { messageOf } from "../common/errors.ts";
import { runToEnd } from "./processes.ts";

/*
 * Debian's kernel for virtual machines, without installing it: apt fetches the package, dpkg unpacks it.
 */

const HELP = `Usage: npm run startup:kernel

Fetches Debian's kernel for virtual machines into Wasmlet's cache, where \`wasmlet bench startup\` finds it. Nothing is
installed. It needs apt-get, whose lists are up to date, and dpkg-deb.
`;

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

if (process.argv.includes("--help") || process.argv.includes("-h")) process.stdout.write(HELP);
else {
  await fetchKernel().catch((thrown: unknown) => {
    process.stderr.write(`error: the kernel could not be fetched: ${messageOf(thrown)}\n`);
    process.exitCode = 1;
  });
}

async function fetchKernel(): Promise<void> {
  const folder = join(readConfig().cacheDirectory, "startup-kernel");
  if (existsSync(join(folder, "boot"))) {
    process.stdout.write(`${folder} is there already\n`);
    return;
  }
  const meta = `linux-image-cloud-${ARCHITECTURES[process.arch] ?? process.arch}`;
  const depends = await runToEnd("apt-cache", ["depends", meta]);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`expected ${meta} to depend on a kernel, got: ${depends.trim()}`);
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    process.stderr.write(`fetching ${name}\n`);
    await runToEnd("sh", ["-c", `cd '${temporary}' && apt-get download --quiet '${name}'`]);
    const deb = readdirSync(temporary).find((file) => file.endsWith(".deb"));
    if (deb === undefined) throw new Error(`apt-get download ${name} left no package`);
    await runToEnd("dpkg-deb", ["-x", join(temporary, deb), temporary]);
    rmSync(join(temporary, deb));
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  process.stdout.write(`${folder}\n`);
}
