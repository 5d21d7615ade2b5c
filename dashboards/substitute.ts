/** What Grafana puts in for variables. */
export type Substitutions = Readonly<Record<string, string>>;

/** Returns an expression with its variables replaced, as Grafana does before it asks. */
export function substitute(expr: string, values: Substitutions): string {
  return expr.replaceAll(/\$(\w+)/g, (variable, name: string) => values[name] ?? variable);
}
