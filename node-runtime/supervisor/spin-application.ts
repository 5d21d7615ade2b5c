import type { Route } from "../../common/route-table.ts";
import { WasmletError } from "../../common/errors.ts";
import { fillTemplate } from "../../common/spin-template.ts";
import type { SpinApplication } from "../../oci/layouts/contents.ts";
import type { ArtifactProgram } from "../artifacts/artifact-programs.ts";
import type { CellProgram } from "../cell/protocol.ts";

/** How an app's environment gives a variable its value, as with Spin's environment provider: `SPIN_VARIABLE_API_KEY`. */
const SETTING_PREFIX = "SPIN_VARIABLE_";

/** True for an environment variable that is there for a Spin application's variable: guests do not see it. */
export function isVariableSetting(name: string): boolean {
  return name.startsWith(SETTING_PREFIX);
}

/**
 * Returns the value of each variable of a Spin application: what the app's environment says, else its default. Throws
 * APP_VARIABLE_MISSING, which names every variable that has neither.
 */
export function valuesOf(
  variables: SpinApplication["variables"],
  env: readonly (readonly [name: string, value: string])[],
): Map<string, string> {
  const settings = new Map(env);
  const values = new Map<string, string>();
  for (const { name, default: byDefault } of variables) {
    const value = settings.get(settingOf(name)) ?? byDefault;
    if (value !== undefined) values.set(name, value);
  }
  const missing = variables.filter(({ name }) => !values.has(name));
  if (missing.length === 0) return values;
  const settingNames = missing.map(({ name }) => settingOf(name)).join(", ");
  const isSecret = missing.some((variable) => variable.isSecret);
  throw new WasmletError(
    "APP_VARIABLE_MISSING",
    `the Spin application needs a value for ${missing.map(({ name }) => name).join(", ")}`,
    {
      where: "spec.env",
      expected: settingNames,
      fix: `Set ${settingNames} in spec.env${isSecret ? ", with valueFrom.secretKeyRef where it is secret" : ""}.`,
    },
  );
}

/** Returns the environment variable that gives a variable its value. */
function settingOf(variable: string): string {
  return SETTING_PREFIX + variable.toUpperCase();
}

/** Returns a component as cells get it, its templates filled. */
export function filledComponent(
  { name, variables, allowedOutboundHosts }: NonNullable<ArtifactProgram["component"]>,
  values: ReadonlyMap<string, string>,
): NonNullable<CellProgram["component"]> {
  return {
    name,
    variables: variables.map(([name, template]) => [name, fillTemplate(template, values)]),
    allowedOutboundHosts: allowedOutboundHosts.map((template) => fillTemplate(template, values)),
  };
}

/** Returns the routes from outside, each to the index of its component among `names`. */
export function routesOf(
  triggers: SpinApplication["triggers"],
  names: readonly (string | undefined)[],
): Route<number>[] {
  return triggers.flatMap(({ component, route }) =>
    route === undefined ? [] : [{ route, target: names.indexOf(component) }],
  );
}
