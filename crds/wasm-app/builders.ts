import { Type } from "typebox";
import type { ValidationRule } from "../schema/schema-node.ts";
import { CONFIG_KEY, CRON_SCHEDULE, DNS_SUBDOMAIN, DURATION, QUANTITY, TIME_ZONE } from "./patterns.ts";

/*
 * What typebox has no word for. A property with a `default` is required in the types, because code sees defaulted apps,
 * and optional in every generated schema, because users write undefaulted ones.
 */

/** The option that puts CEL rules on a node. */
export interface RuleOption {
  "x-kubernetes-validations": ValidationRule[];
}

/** Returns the option that puts CEL rules on a node. */
export function rules(...list: ValidationRule[]): RuleOption {
  return { "x-kubernetes-validations": list };
}

/**
 * Returns the CEL rule that exactly one of these properties is present, with a message that names the ones that came:
 * "exactly one of http, command, cron is expected; got http and command".
 */
export function exactlyOneOf(...names: readonly string[]): ValidationRule {
  const present = names.map((name) => `has(self.${name})`);
  const message = `exactly one of ${names.join(", ")} is expected`;
  const parts = names.map((name, index) => {
    const earlier = present.slice(0, index).join(" || ");
    const text = earlier === "" ? `' ${name}'` : `(${earlier} ? ' and ${name}' : ' ${name}')`;
    return `(${present[index]} ? ${text} : '')`;
  });
  return {
    rule: `[${present.join(", ")}].exists_one(x, x)`,
    message,
    messageExpression: `'${message}; got' + ${parts.join(" + ")} + (${present.join(" || ")} ? '' : ' none')`,
  };
}

/** Returns a string type with a fixed set of values. */
export function oneOf<const Values extends string[]>(
  values: [...Values],
  options: { description: string; default?: Values[number] },
): Type.TUnsafe<Values[number]> {
  return Type.Unsafe<Values[number]>({ type: "string", enum: values, ...options });
}

/** Returns the type of a map of strings to bounded strings. */
export function stringMap(
  value: { maxLength: number; pattern?: string; title?: string; description?: string },
  options: { description: string; maxProperties: number; propertyNames?: object },
): Type.TUnsafe<Record<string, string>> {
  return Type.Unsafe<Record<string, string>>({
    type: "object",
    additionalProperties: { type: "string", ...value },
    ...options,
  });
}

/** Returns the type of a Kubernetes quantity of bytes: `64Mi`, or a whole number. */
export function quantity(options: { description: string; default?: string }): Type.TUnsafe<string | number> {
  return Type.Unsafe<string | number>({
    anyOf: [{ type: "integer" }, { type: "string" }],
    "x-kubernetes-int-or-string": true,
    title: "a positive quantity of bytes such as 64Mi or 1.5Gi",
    pattern: QUANTITY,
    maxLength: 32,
    minimum: 1,
    ...options,
  });
}

/** Returns the type of a positive duration: `50ms`, `1m30s`. */
export function duration(description: string): Type.TString {
  return Type.String({
    description,
    title: "a duration such as 50ms, 1s or 1m30s",
    pattern: DURATION,
    maxLength: 24,
    ...rules({ rule: "self.matches('[1-9]')", message: "a duration of more than zero is expected" }),
  });
}

/** Returns the type of a schedule as CronJobs have it. */
export function cronSchedule(description: string): Type.TString {
  const title = "five cron fields such as */5 * * * *, or a macro such as @hourly";
  return Type.String({ description, title, maxLength: 256, pattern: CRON_SCHEDULE });
}

/** Returns the type of the time zone of a schedule. */
export function timeZone(): Type.TString {
  return Type.String({
    description: "IANA time zone of the schedule.",
    title: "an IANA time zone such as Europe/Berlin",
    default: "Etc/UTC",
    maxLength: 64,
    pattern: TIME_ZONE,
  });
}

/** Returns the type of the name of an object that has a DNS subdomain for a name. */
export function objectName(description: string): Type.TString {
  return Type.String({
    description,
    title: "a name of lower-case letters, digits, - and .",
    minLength: 1,
    maxLength: 253,
    pattern: DNS_SUBDOMAIN,
  });
}

/** Returns the type of a key in a ConfigMap or Secret. */
export function configKey(description: string): Type.TString {
  return Type.String({
    description,
    title: "a key of letters, digits, -, _ and .",
    minLength: 1,
    maxLength: 253,
    pattern: CONFIG_KEY,
  });
}

/** Returns a list option: entries are told apart by these keys, and two with the same keys are refused. */
export function keyedBy(...keys: string[]): object {
  return { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys };
}

/** The list option of a set: no entry twice. */
export const SET = { "x-kubernetes-list-type": "set" } as const;

/** The list option of a list that is replaced as a whole. */
export const ATOMIC = { "x-kubernetes-list-type": "atomic" } as const;
