import { RouteTable } from "../common/route-table.ts";
import type { SpinApplication } from "../oci/layouts/contents.ts";
import type { InspectedProgram } from "../node-runtime/inspect.ts";
import { printable } from "./output.ts";

/** What `wasmlet inspect REF` says of a Spin application. */
export interface SpinSummary {
  name: string;
  /** The routes, the most specific first; those without a path are private, and nothing calls them here. */
  routes: { route?: string; component: string }[];
  variables: { name: string; setting: string; secret: boolean; default?: string; description?: string }[];
  components: {
    name: string;
    /** Its variables with their templates. */
    variables: Record<string, string>;
    allowedOutboundHosts: string[];
  }[];
}

/** Returns what is worth knowing of a Spin application; a secret's default is left out. */
export function summariseSpin(
  { name, variables, triggers }: SpinApplication,
  programs: readonly Pick<InspectedProgram, "component">[],
): SpinSummary {
  const open = triggers.flatMap(({ route, component }) => (route === undefined ? [] : [{ route, target: component }]));
  const closed = triggers.filter(({ route }) => route === undefined).map(({ component }) => ({ component }));
  return {
    name,
    routes: [...new RouteTable(open).routes.map(({ route, target }) => ({ route, component: target })), ...closed],
    variables: variables.map(({ name, isSecret, default: byDefault, description }) => ({
      name,
      setting: `SPIN_VARIABLE_${name.toUpperCase()}`,
      secret: isSecret,
      ...(byDefault !== undefined && { default: isSecret ? "REDACTED" : byDefault }),
      ...(description !== undefined && { description }),
    })),
    components: programs.flatMap(({ component }) =>
      component === undefined ? [] : [{ ...component, variables: Object.fromEntries(component.variables) }],
    ),
  };
}

/** Returns what is worth knowing of a Spin application, for people. */
export function describeSpin({ name, routes, variables, components }: SpinSummary): string {
  const facts: [string, string][] = [
    ["spin app", name],
    ...routes.map(({ route, component }): [string, string] => [
      "route",
      route === undefined ? `none: ${component} is private, and not run` : `${route} to ${component}`,
    ]),
    ...variables.map((variable): [string, string] => ["variable", describeVariable(variable)]),
    ...components.flatMap(({ name, variables, allowedOutboundHosts }): [string, string][] => [
      ...Object.entries(variables).map(([variable, template]): [string, string] => [
        name,
        `variable ${variable} = ${JSON.stringify(template)}`,
      ]),
      ...allowedOutboundHosts.map((host): [string, string] => [name, `may reach ${host} where the app may`]),
    ]),
  ];
  const lines = facts.map(([fact, value]) => `${printable(`${fact}:`).padEnd(12)} ${printable(value)}\n`);
  return lines.join("");
}

function describeVariable({
  name,
  setting,
  secret,
  default: byDefault,
  description,
}: SpinSummary["variables"][0]): string {
  const kind = secret ? " (secret)" : "";
  const value = byDefault === undefined ? "has to be given" : `${JSON.stringify(byDefault)} unless it is given`;
  return `${name}${kind}: ${value} as ${setting}${description === undefined ? "" : `; ${description}`}`;
}
