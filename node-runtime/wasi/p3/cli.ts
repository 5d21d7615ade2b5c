import { systemCodeOf } from "../../../common/errors.ts";
import { HostClosedError } from "../errors.ts";
import type { InputStream } from "../io/input-stream.ts";
import type { OutputStream } from "../io/output-stream.ts";
import type { HostImports } from "../host.ts";
import { resultOf, type Result } from "./result.ts";
import { pump, streamFrom, type GuestStream } from "./streams.ts";

/** The WIT enum `wasi:cli/types.error-code`. */
type ErrorCode = "io" | "illegal-byte-sequence" | "pipe";

/** Returns the `wasi:cli` interfaces of WASI 0.3 over those of WASI 0.2. */
export function createCliImports(p2: HostImports): HostImports {
  const environment = p2["wasi:cli/environment"]!;
  const getStdin = p2["wasi:cli/stdin"]!["getStdin"] as () => InputStream;
  const getStdout = p2["wasi:cli/stdout"]!["getStdout"] as () => OutputStream;
  const getStderr = p2["wasi:cli/stderr"]!["getStderr"] as () => OutputStream;
  return {
    "wasi:cli/environment": {
      getEnvironment: environment["getEnvironment"],
      getArguments: environment["getArguments"],
      getInitialCwd: environment["initialCwd"],
    },
    "wasi:cli/exit": p2["wasi:cli/exit"]!,
    "wasi:cli/stdin": {
      readViaStream(): [AsyncIterable<Uint8Array>, Promise<Result<void, ErrorCode>>] {
        const { stream, ended } = streamFrom(getStdin());
        return [stream, resultOf(ended, errorCodeOf)];
      },
    },
    "wasi:cli/stdout": { writeViaStream: (data: GuestStream) => writeTo(getStdout(), data) },
    "wasi:cli/stderr": { writeViaStream: (data: GuestStream) => writeTo(getStderr(), data) },
    "wasi:cli/terminal-input": p2["wasi:cli/terminal-input"]!,
    "wasi:cli/terminal-output": p2["wasi:cli/terminal-output"]!,
    "wasi:cli/terminal-stdin": p2["wasi:cli/terminal-stdin"]!,
    "wasi:cli/terminal-stdout": p2["wasi:cli/terminal-stdout"]!,
    "wasi:cli/terminal-stderr": p2["wasi:cli/terminal-stderr"]!,
  };
}

function writeTo(output: OutputStream, data: GuestStream): Promise<Result<void, ErrorCode>> {
  return resultOf(pump(data, output, brokenPipe), errorCodeOf);
}

function brokenPipe(): Error {
  return Object.assign(new Error("the output is closed"), { code: "EPIPE" });
}

function errorCodeOf(thrown: unknown): ErrorCode {
  if (thrown instanceof HostClosedError) throw thrown;
  return systemCodeOf(thrown) === "EPIPE" ? "pipe" : "io";
}
