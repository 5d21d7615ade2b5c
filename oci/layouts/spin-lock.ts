import * as v from "valibot";
import { WasmletError } from "../../common/errors.ts";
import { routeProblem } from "../../common/route-table.ts";
import { templateProblem, variableNameProblem } from "../../common/spin-template.ts";
import { isDigest } from "../digest.ts";
import { parseJson } from "../manifest.ts";
import { plainPath } from "./paths.ts";

/*
 * The lock file of a Spin application (spin_lock_version 0 and 1), as `spin registry push` writes it: the structs of
 * https://github.com/spinframework/spin/blob/main/crates/locked-app/src/locked.rs, what is empty left out. Version 1 is
 * written where something has to be understood. Up to 128 bytes stand in the file itself too, as `inline` (crates/oci).
 *
 *   { "spin_lock_version": 0,
 *     "metadata": { "name": "shop", "version": "1.0.0", "trigger": {"type": "http"}, "triggers": {"http": {}} },
 *     "variables": { "token": {"secret": true}, "greeting": {"description": …, "default": "hi"} },
 *     "triggers": [{ "id": "trigger-web", "trigger_type": "http",
 *                    "trigger_config": {"component": "web", "executor": {"type": "http"}, "route": "/..."} }],
 *     "components": [{ "id": "web", "metadata": {"allowed_outbound_hosts": ["https://{{ host }}"], "description": …},
 *                      "source": {"content_type": "application/wasm", "digest": "sha256:…"}, "env": {…},
 *                      "files": [{"inline": "YQ==", "digest": "sha256:…", "path": "index.html"}],
 *                      "config": {"greeting": "{{ greeting }} there"} }] }
 */

const MAX_COMPONENTS = 128;
const MAX_FILES = 20_000;
/** Spin's service chaining: a component is called as a host of this domain. */
const CHAINED_HOST = /^[^/]*:\/\/[^/:]*\.spin\.internal(?![^:/])/i;

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const Value = v.pipe(v.string(), v.maxLength(65_536));
const Values = v.optional(v.record(v.string(), Value), {});
const Unknowns = v.optional(v.record(v.string(), v.unknown()), {});
const Content = v.object({
  digest: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => isDigest(text), "a digest"),
    ),
  ),
  inline: v.optional(v.pipe(v.string(), v.maxLength(65_536), v.base64())),
});
const Component = v.object({
  id: Name,
  metadata: Unknowns,
  source: Content,
  env: Values,
  files: v.optional(
    v.pipe(
      v.array(v.object({ ...Content.entries, path: v.pipe(v.string(), v.maxLength(4096)) })),
      v.maxLength(MAX_FILES),
    ),
    [],
  ),
  config: Values,
  dependencies: Unknowns,
  trigger_dependencies: Unknowns,
  host_requirements: Unknowns,
});
const Lock = v.object({
  spin_lock_version: v.picklist([0, 1]),
  must_understand: v.optional(v.array(v.string()), []),
  metadata: Unknowns,
  host_requirements: Unknowns,
  variables: v.optional(
    v.record(
      v.string(),
      v.object({
        description: v.optional(Value),
        default: v.optional(Value),
        secret: v.optional(v.boolean(), false),
      }),
    ),
    {},
  ),
  triggers: v.pipe(
    v.array(v.object({ trigger_type: Name, trigger_config: v.unknown(), trigger_dependencies: Unknowns })),
    v.minLength(1),
    v.maxLength(MAX_COMPONENTS),
  ),
  components: v.pipe(v.array(Component), v.minLength(1), v.maxLength(MAX_COMPONENTS)),
});
const HttpTrigger = v.object({
  component: Name,
  route: v.union([Name, v.object({ private: v.literal(true) })]),
  executor: v.optional(v.object({ type: v.string() })),
});

/** Bytes that a lock file refers to: by digest, or in it. */
export type SpinContent = { digest: string } | { inline: Uint8Array };

/** A component of a Spin application. */
interface SpinComponent {
  id: string;
  source: SpinContent;
  /** Where each static file appears in the guest, plain and relative. */
  files: { path: string; content: SpinContent }[];
  env: [name: string, value: string][];
  /** Values for the component's variables, which may refer to the application's: `{{ name }}`. */
  variables: [name: string, template: string][];
  allowedOutboundHosts: string[];
}

/** A route of the application; one without a path is reached by other components alone. */
interface SpinHttpTrigger {
  component: string;
  route: string | undefined;
}

/** A value that the application is given from outside. */
interface SpinVariable {
  name: string;
  description?: string;
  /** Without it a value has to be given. */
  default?: string;
  isSecret: boolean;
}

/** What a lock file says, as far as it is honoured. */
export interface SpinLock {
  name: string;
  variables: SpinVariable[];
  triggers: SpinHttpTrigger[];
  components: SpinComponent[];
}

/** Reads a lock file; throws OCI_MANIFEST_INVALID, and OCI_LAYOUT_UNKNOWN for what this version does not run. */
export function readSpinLock(bytes: Uint8Array, where: string): SpinLock {
  const invalid = (expected: string): WasmletError =>
    new WasmletError("OCI_MANIFEST_INVALID", "the lock file of the Spin application is not valid", { where, expected });
  const value = parseJson(bytes, () => invalid("JSON in UTF-8"));
  const { success, output, issues } = v.safeParse(Lock, value, { abortEarly: true });
  if (!success)
    throw invalid(`at ${v.getDotPath(issues[0]) ?? "the whole"}: ${issues[0].expected ?? issues[0].message}`);
  refuseRequirements(output, where);
  const components = output.components.map((component) => readComponent(component, where, invalid));
  const ids = components.map(({ id }) => id);
  if (new Set(ids).size < ids.length) throw invalid("components with different ids");
  checkVariables(output.variables, components, invalid);
  const triggers = readTriggers(output.triggers, where, invalid);
  const stray = triggers.find(({ component }) => !components.some(({ id }) => id === component));
  if (stray !== undefined) throw invalid(`a component ${stray.component}, which a trigger names`);
  return {
    name: textOf(output.metadata["name"]) ?? "spin",
    variables: Object.entries(output.variables).map(readVariable),
    triggers,
    components,
  };
}

function readVariable([name, variable]: [string, v.InferOutput<typeof Lock>["variables"][string]]): SpinVariable {
  const { description, default: byDefault, secret } = variable;
  return {
    name,
    isSecret: secret,
    ...(description !== undefined && { description }),
    ...(byDefault !== undefined && { default: byDefault }),
  };
}

/** Names and templates that Spin would not load either. */
function checkVariables(
  variables: object,
  components: readonly SpinComponent[],
  invalid: (expected: string) => WasmletError,
): void {
  const known = new Set(Object.keys(variables));
  const names = [...known, ...components.flatMap((component) => component.variables.map(([name]) => name))];
  const wrong = names.find((name) => variableNameProblem(name) !== undefined);
  if (wrong !== undefined) throw invalid(`another name than ${JSON.stringify(wrong.slice(0, 100))} for a variable`);
  for (const { id, variables: templates, allowedOutboundHosts } of components) {
    for (const template of [...templates.map(([, template]) => template), ...allowedOutboundHosts]) {
      const problem = templateProblem(template, known);
      if (problem !== undefined) throw invalid(`in the component ${id} no template with ${problem}`);
    }
  }
}

/** What an application needs of its host is either here or an error: it would fail later and less clearly. */
function refuseRequirements({ host_requirements, components }: v.InferOutput<typeof Lock>, where: string): void {
  for (const requirements of [host_requirements, ...components.map((component) => component.host_requirements)]) {
    const needed = Object.entries(requirements).find(([, need]) => need !== "optional");
    if (needed !== undefined) throw notRun(`the Spin application needs ${needed[0]} of its host`, where);
  }
}

function readComponent(
  component: v.InferOutput<typeof Component>,
  where: string,
  invalid: (expected: string) => WasmletError,
): SpinComponent {
  const { id, source, files, env, config, dependencies, trigger_dependencies, metadata } = component;
  if (Object.keys({ ...dependencies, ...trigger_dependencies }).length > 0) {
    throw notRun(`the component ${id} has dependencies that are not composed into it`, where);
  }
  const hosts = metadata["allowed_outbound_hosts"];
  const allowedOutboundHosts = Array.isArray(hosts) ? hosts.filter((host) => typeof host === "string") : [];
  if (allowedOutboundHosts.some((host) => CHAINED_HOST.test(host))) {
    throw notRun(`the component ${id} calls others by name (spin.internal)`, where);
  }
  return {
    id,
    source: contentOf(source, `the source of ${id}`, invalid),
    files: files.map(({ path, ...content }) => {
      const plain = plainPath(path);
      if (plain === undefined || plain === "") {
        throw new WasmletError("OCI_ARCHIVE_UNSAFE", "a file of the Spin application would be outside its folder", {
          where,
          actual: JSON.stringify(path.slice(0, 200)),
          expected: "a path without ..",
        });
      }
      return { path: plain, content: contentOf(content, plain, invalid) };
    }),
    env: Object.entries(env),
    variables: Object.entries(config),
    allowedOutboundHosts,
  };
}

function contentOf(
  { digest, inline }: v.InferOutput<typeof Content>,
  what: string,
  invalid: (expected: string) => WasmletError,
): SpinContent {
  if (inline !== undefined) return { inline: Buffer.from(inline, "base64") };
  if (digest === undefined) throw invalid(`a digest for ${what}`);
  return { digest };
}

function readTriggers(
  triggers: v.InferOutput<typeof Lock>["triggers"],
  where: string,
  invalid: (expected: string) => WasmletError,
): SpinHttpTrigger[] {
  return triggers.map(({ trigger_type: type, trigger_config: config, trigger_dependencies: dependencies }) => {
    if (type !== "http") throw notRun(`the Spin application has a trigger ${type}`, where);
    if (Object.keys(dependencies).length > 0) throw notRun("the Spin application has a trigger with middleware", where);
    const { success, output } = v.safeParse(HttpTrigger, config);
    if (!success) throw notRun("the Spin application has an http trigger without a component and a route", where);
    const executor = output.executor?.type ?? "http";
    // `spin` is how older versions call it.
    if (executor !== "http" && executor !== "spin") {
      throw notRun(`the Spin application has an executor ${executor}`, where);
    }
    if (typeof output.route !== "string") return { component: output.component, route: undefined };
    const problem = routeProblem(output.route);
    if (problem !== undefined) throw invalid(`no route with ${problem}: ${output.route.slice(0, 200)}`);
    return { component: output.component, route: output.route };
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, 256) : undefined;
}

function notRun(message: string, where: string): WasmletError {
  return new WasmletError("OCI_LAYOUT_UNKNOWN", `${message}, which is not offered here`, {
    where,
    expected: "an application of HTTP components, each composed, that do not call each other by name",
    fix: "Run it with Spin, or change the application as the message says.",
  });
}
