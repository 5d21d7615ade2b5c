import { GuestExit } from "../errors.ts";
import type { ByteSink, ByteSource } from "../io/byte-source.ts";
import { InputStream } from "../io/input-stream.ts";
import { OutputStream } from "../io/output-stream.ts";
import type { Scope } from "../scope.ts";

/** What a program is started with, as a process would be. */
export interface CliOptions {
  /** argv, the program's own name first. */
  args: readonly string[];
  env: ReadonlyArray<readonly [name: string, value: string]>;
  /** The guest's working directory, a guest path, or undefined for none. */
  cwd?: string | undefined;
  stdin: ByteSource;
  stdout: ByteSink;
  stderr: ByteSink;
  /** Which of the three are terminals. */
  terminals?: { stdin?: boolean; stdout?: boolean; stderr?: boolean };
}

/** `wasi:cli/terminal-input` resource. */
class TerminalInput {}

/** `wasi:cli/terminal-output` resource. */
class TerminalOutput {}

/** Returns the `wasi:cli` interfaces of one program. */
export function createCliImports(scope: Scope, options: CliOptions): Record<string, Record<string, unknown>> {
  const { terminals = {} } = options;
  return {
    "wasi:cli/environment": {
      getEnvironment: () => options.env.map(([name, value]) => [name, value]),
      getArguments: () => [...options.args],
      initialCwd: () => options.cwd,
    },
    "wasi:cli/exit": {
      exit(status: { tag: "ok" | "err" }): never {
        throw new GuestExit(status.tag === "ok" ? 0 : 1);
      },
      exitWithCode(code: number): never {
        throw new GuestExit(code);
      },
    },
    "wasi:cli/stdin": { getStdin: () => new InputStream(scope, borrowedSource(options.stdin)) },
    "wasi:cli/stdout": { getStdout: () => new OutputStream(scope, borrowedSink(options.stdout)) },
    "wasi:cli/stderr": { getStderr: () => new OutputStream(scope, borrowedSink(options.stderr)) },
    "wasi:cli/terminal-input": { TerminalInput },
    "wasi:cli/terminal-output": { TerminalOutput },
    "wasi:cli/terminal-stdin": { getTerminalStdin: () => (terminals.stdin ? new TerminalInput() : undefined) },
    "wasi:cli/terminal-stdout": { getTerminalStdout: () => (terminals.stdout ? new TerminalOutput() : undefined) },
    "wasi:cli/terminal-stderr": { getTerminalStderr: () => (terminals.stderr ? new TerminalOutput() : undefined) },
  };
}

/** A guest may get and drop a standard stream many times: dropping one must not close what the others use. */
function borrowedSource(source: ByteSource): ByteSource {
  return { take: (max) => source.take(max), subscribe: (wake) => source.subscribe(wake) };
}

function borrowedSink(sink: ByteSink): ByteSink {
  return {
    capacity: () => sink.capacity(),
    write: (bytes) => sink.write(bytes),
    flushed: () => sink.flushed(),
    subscribe: (wake) => sink.subscribe(wake),
  };
}
