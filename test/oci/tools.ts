import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { repositoryFile } from "../harness.ts";

/** A program that tests use and that is no dependency. */
export interface TestTool {
  name: string;
  /** How to get it, in one line. */
  howToGet: string;
  /** Its path, where it is there. */
  path: string | undefined;
  /** Whether its tests must not be left out under continuous integration. */
  isRequired: boolean;
}

/** Tools from the Go module proxy, by which a second implementation makes and reads artifacts. */
export const GO_TOOLS = {
  crane: { module: "github.com/google/go-containerregistry/cmd/crane", version: "v0.22.1" },
  oras: { module: "oras.land/oras/cmd/oras", version: "v1.3.6" },
  /** What Debian's docker-registry has become since. Minutes to build: only when it is named. */
  registry: { module: "github.com/distribution/distribution/v3/cmd/registry", version: "v3.1.2" },
  /** Ten minutes to build: only when it is named. */
  cosign: { module: "github.com/sigstore/cosign/v3/cmd/cosign", version: "v3.1.3" },
} as const;

/** Returns the folder that a tool of `GO_TOOLS` is built into. */
export function goToolFolder(name: keyof typeof GO_TOOLS): string {
  return repositoryFile(`.cache/tools/${name}-${GO_TOOLS[name].version}`);
}

/** Returns a tool of `GO_TOOLS`. */
export function goTool(name: keyof typeof GO_TOOLS): TestTool {
  const path = join(goToolFolder(name), name);
  const isThere = existsSync(path);
  return {
    name,
    howToGet: `npm run test:tools -- ${name} (needs Go)`,
    path: isThere ? path : undefined,
    isRequired: false,
  };
}

/** Our own program in Go that checks dashboards against Grafana's schema. */
export const DASHBOARD_SCHEMA = {
  source: repositoryFile("test/go/dashboard-schema"),
  program: repositoryFile(".cache/tools/dashboard-schema/dashboard-schema"),
} as const;

/** Returns that program. */
export function dashboardSchema(): TestTool {
  const { program } = DASHBOARD_SCHEMA;
  const path = existsSync(program) ? program : undefined;
  return { name: "dashboard-schema", howToGet: "npm run test:tools (needs Go)", path, isRequired: false };
}

/** The Bytecode Alliance's tool for packages, from crates.io; a quarter of an hour to build: only when it is named. */
export const WKG_VERSION = "0.16.1";

/** Returns the folder that wkg is built into. */
export function wkgFolder(): string {
  return repositoryFile(`.cache/tools/wkg-${WKG_VERSION}`);
}

/** Returns wkg. */
export function wkg(): TestTool {
  const path = join(wkgFolder(), "bin", "wkg");
  const howToGet = "npm run test:tools -- wkg (needs Rust)";
  return { name: "wkg", howToGet, path: existsSync(path) ? path : undefined, isRequired: false };
}

/** Debian's registry. */
export function dockerRegistry(): TestTool {
  const path = findOnPath("docker-registry");
  return { name: "docker-registry", howToGet: "apt-get install docker-registry", path, isRequired: true };
}

/** What gives a program a terminal of its own. */
export function terminalScript(): TestTool {
  return { name: "script", howToGet: "apt-get install bsdutils", path: findOnPath("script"), isRequired: true };
}

/**
 * Adds a test for each tool that is missing, which says how to get it, and fails under continuous integration when the tool
 * must be there; returns whether all are there.
 */
export function needTools(...tools: readonly TestTool[]): boolean {
  const missing = tools.filter(({ path }) => path === undefined);
  for (const { name, howToGet, isRequired } of missing) {
    test(`${name} is needed for the tests of this file: ${howToGet}`, (context) => {
      if (isRequired) expect(process.env["CI"], `${name} is missing: ${howToGet}`).not.toBe("true");
      process.stderr.write(`skipped without ${name}: ${howToGet}\n`);
      context.skip();
    });
  }
  return missing.length === 0;
}

/** Returns the path of a program that a shell would find. */
export function findOnPath(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
