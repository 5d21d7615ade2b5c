/*
 * What Spin puts values into: `postgres://{{ user }}@db`, and the names that its variables may have (its crate
 * spin-expressions). Braces that do not open an expression are text, and there is no way to escape those that do.
 */

/** A piece of a template. */
export type TemplatePart = { text: string; variable?: never } | { variable: string; text?: never };

/** Returns the pieces of a template; undefined where an expression has no end. */
export function parseTemplate(template: string): TemplatePart[] | undefined {
  const parts: TemplatePart[] = [];
  for (let rest = template; rest !== "";) {
    const open = rest.indexOf("{{");
    if (open === -1) return [...parts, { text: rest }];
    if (open > 0) parts.push({ text: rest.slice(0, open) });
    const close = rest.indexOf("}}", open + 2);
    if (close === -1) return undefined;
    parts.push({ variable: rest.slice(open + 2, close).trim() });
    rest = rest.slice(close + 2);
  }
  return parts;
}

/** Returns what is wrong with a template whose expressions may name these variables; undefined where nothing is. */
export function templateProblem(template: string, variables: { has(name: string): boolean }): string | undefined {
  const parts = parseTemplate(template);
  if (parts === undefined) return "an expression without }}";
  const unknown = parts.find(({ variable }) => variable !== undefined && !variables.has(variable));
  return unknown && `the unknown variable ${JSON.stringify(unknown.variable?.slice(0, 100))}`;
}

/** Puts values into a template that has no problem. */
export function fillTemplate(template: string, values: ReadonlyMap<string, string>): string {
  const parts = parseTemplate(template) ?? [];
  return parts.map(({ text, variable }) => text ?? values.get(variable) ?? "").join("");
}

/** Returns why this is no name of a variable; undefined where it is one. */
export function variableNameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  const invalid = /[^a-z0-9_]/u.exec(name)?.[0];
  if (invalid !== undefined) {
    return `invalid character '${invalid}'. Variable names may contain only lower-case letters, numbers, and underscores.`;
  }
  if (!/^[a-z]/.test(name)) return "must start with a lowercase ASCII letter";
  if (name.endsWith("_")) return "must end with a lowercase ASCII letter or digit";
  return name.includes("__") ? "must not contain multiple consecutive underscores" : undefined;
}
