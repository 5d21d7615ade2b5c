import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { WasmletError } from "../common/errors.ts";
import { parseQuantity } from "../crds/quantity.ts";

const DEFAULT_CACHE_BYTES = 4 * 2 ** 30;

/** What the environment says, read once at the start and passed on from there. */
export interface Config {
  /** Where artifacts and what was made of them are kept. */
  readonly cacheDirectory: string;
  /** Bytes of artifacts that are kept there. */
  readonly cacheMaxBytes: number;
  /** Whether the user lets output be coloured (https://no-color.org). */
  readonly allowsColor: boolean;
  /** Whether this runs under continuous integration, where nobody watches a line change. */
  readonly isCi: boolean;
  /** Whether errors show their stack. */
  readonly showsStacks: boolean;
  /** How the user calls this program: by its name, or through npm in a clone, where that name is not on PATH. */
  readonly invocation: string;
  /** The user's docker configuration, where registries' credentials are. */
  readonly dockerConfigFile: string;
  /** Proxies for requests to registries, and the hosts that need none. */
  readonly proxy: { readonly http?: string; readonly https?: string; readonly noProxy?: string };
  /** Folders in which programs are looked for, as PATH has them. */
  readonly searchPath: string;
  /** The wasmtime that benchmarks compare with: a path, or a name on PATH. */
  readonly wasmtime: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads and checks the environment as a whole; throws CONFIG_INVALID with every problem in it. */
export function readConfig(environment: Environment = process.env, home: string = homedir()): Config {
  const problems: string[] = [];
  const cacheDirectory = cacheDirectoryOf(environment, home, problems);
  const cacheMaxBytes = cacheMaxBytesOf(environment, problems);
  const showsStacks = flagOf(environment, "WASMLET_DEBUG", problems);
  if (problems.length > 0) {
    throw new WasmletError("CONFIG_INVALID", problems.join("; "), { where: "the environment" });
  }
  return Object.freeze({
    cacheDirectory,
    cacheMaxBytes,
    allowsColor: !isSet(environment["NO_COLOR"]) && environment["TERM"] !== "dumb",
    isCi: isSet(environment["CI"]) && environment["CI"] !== "false",
    showsStacks,
    invocation: isNpmScript(environment) ? "npm run wasmlet --" : "wasmlet",
    dockerConfigFile: join(
      isSet(environment["DOCKER_CONFIG"]) ? environment["DOCKER_CONFIG"] : join(home, ".docker"),
      "config.json",
    ),
    proxy: Object.freeze(proxyOf(environment)),
    searchPath: environment["PATH"] ?? "",
    wasmtime: isSet(environment["WASMTIME"]) ? environment["WASMTIME"] : "wasmtime",
  });
}

/** Returns a variable of the caller's environment, for `wasmlet run --env NAME`. */
export function inheritedVariable(name: string): string | undefined {
  return process.env[name];
}

function cacheDirectoryOf(environment: Environment, home: string, problems: string[]): string {
  const own = environment["WASMLET_CACHE"];
  if (isSet(own)) {
    if (!isAbsolute(own)) problems.push(`WASMLET_CACHE: expected an absolute path, got ${JSON.stringify(own)}`);
    return own;
  }
  const shared = environment["XDG_CACHE_HOME"];
  // The XDG specification: a relative path is to be ignored.
  return isSet(shared) && isAbsolute(shared) ? join(shared, "wasmlet") : join(home, ".cache", "wasmlet");
}

function cacheMaxBytesOf(environment: Environment, problems: string[]): number {
  const value = environment["WASMLET_CACHE_SIZE"];
  if (!isSet(value)) return DEFAULT_CACHE_BYTES;
  const bytes = parseQuantity(value);
  if (bytes === undefined) {
    problems.push(`WASMLET_CACHE_SIZE: expected a quantity such as 4Gi, got ${JSON.stringify(value)}`);
  }
  return bytes ?? DEFAULT_CACHE_BYTES;
}

/** As curl and Go read them: the name in lower case comes first. */
function proxyOf(environment: Environment): { http?: string; https?: string; noProxy?: string } {
  const valueOf = (name: string): string | undefined => environment[name] ?? environment[name.toUpperCase()];
  const [http, https, noProxy] = [valueOf("http_proxy"), valueOf("https_proxy"), valueOf("no_proxy")];
  return { ...(isSet(http) && { http }), ...(isSet(https) && { https }), ...(isSet(noProxy) && { noProxy }) };
}

function flagOf(environment: Environment, name: string, problems: string[]): boolean {
  const value = environment[name] ?? "";
  if (!["", "0", "1"].includes(value)) problems.push(`${name}: expected 0 or 1, got ${JSON.stringify(value)}`);
  return value === "1";
}

/** Whether npm runs a script of this package (https://docs.npmjs.com/cli/using-npm/scripts#environment). */
function isNpmScript(environment: Environment): boolean {
  const { npm_package_name: name, npm_lifecycle_event: script = "" } = environment;
  return name === "wasmlet" && ["wasmlet", "demo"].includes(script);
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
