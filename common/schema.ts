/**
 * Schemas of what comes from another process or from disk: one definition gives the TypeScript type and the check. The
 * words are those of typebox, which is not used here because loading it takes longer than all the rest of a cell's start.
 * As there, an object may have properties that its schema does not name.
 *
 *   const Ping = Type.Object({ type: Type.Literal("ping"), seq: Type.Integer({ minimum: 0 }) });
 *   type Ping = Static<typeof Ping>;
 *   if (Ping.accepts(message)) message.seq;
 */

/** Where a value does not fit (`/apps/0/id`) and what would. */
export interface Mismatch {
  path: string;
  expected: string;
}

/** A check that knows the type of what it accepts. */
export class Schema<T> {
  /** Returns the first thing that is wrong with a value, or undefined. */
  readonly mismatch: (value: unknown) => Mismatch | undefined;

  constructor(mismatch: (value: unknown) => Mismatch | undefined) {
    this.mismatch = mismatch;
  }

  /** True when the value fits. */
  accepts(value: unknown): value is T {
    return this.mismatch(value) === undefined;
  }
}

/** A property that may be absent. */
class OptionalSchema<T> extends Schema<T> {
  readonly optional = true;
}

/** The TypeScript type of a schema. */
export type Static<S> = S extends Schema<infer T> ? T : never;

type Properties = Record<string, Schema<unknown>>;
type OptionalKeys<P> = { [K in keyof P]: P[K] extends OptionalSchema<unknown> ? K : never }[keyof P];
type ObjectOf<P> = { [K in Exclude<keyof P, OptionalKeys<P>>]: Static<P[K]> } & {
  [K in OptionalKeys<P>]?: Static<P[K]>;
};
type Flat<T> = { [K in keyof T]: T[K] };

interface Bounds {
  minimum?: number;
  maximum?: number;
}

/** The builders of schemas. Lengths of texts are in UTF-16 code units. */
export const Type = {
  Literal: <const L extends string | number | boolean>(literal: L): Schema<L> =>
    simple((value) => value === literal, JSON.stringify(literal)),

  Boolean: (): Schema<boolean> => simple((value) => typeof value === "boolean", "true or false"),

  Number: ({ minimum = -Infinity, maximum = Infinity }: Bounds = {}): Schema<number> =>
    simple(
      (value) => Number.isFinite(value) && (value as number) >= minimum && (value as number) <= maximum,
      `a number from ${minimum} to ${maximum}`,
    ),

  Integer: ({ minimum = -Infinity, maximum = Infinity }: Bounds = {}): Schema<number> =>
    simple(
      (value) => Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum,
      `a whole number from ${minimum} to ${maximum}`,
    ),

  String({ minLength = 0, maxLength = Infinity, pattern }: StringOptions = {}): Schema<string> {
    const form = pattern === undefined ? undefined : new RegExp(pattern);
    return simple(
      (value) =>
        typeof value === "string" &&
        value.length >= minLength &&
        value.length <= maxLength &&
        (form === undefined || form.test(value)),
      `a text of ${minLength} to ${maxLength} characters${pattern === undefined ? "" : ` like ${pattern}`}`,
    );
  },

  Optional: <T>({ mismatch }: Schema<T>): OptionalSchema<T> => new OptionalSchema(mismatch),

  Array: <T>(item: Schema<T>, { minItems = 0, maxItems = Infinity }: ArrayOptions = {}): Schema<T[]> =>
    new Schema((value) => {
      if (!Array.isArray(value) || value.length < minItems || value.length > maxItems) {
        return { path: "", expected: `a list of ${minItems} to ${maxItems}` };
      }
      for (let index = 0; index < value.length; index++) {
        const found = item.mismatch(value[index]);
        if (found !== undefined) return below(index, found);
      }
      return undefined;
    }),

  Tuple: <const I extends readonly Schema<unknown>[]>(items: I): Schema<{ -readonly [K in keyof I]: Static<I[K]> }> =>
    new Schema((value) => {
      if (!Array.isArray(value) || value.length !== items.length) {
        return { path: "", expected: `a list of ${items.length}` };
      }
      for (const [index, item] of items.entries()) {
        const found = item.mismatch(value[index]);
        if (found !== undefined) return below(index, found);
      }
      return undefined;
    }),

  Object<const P extends Properties>(properties: P): Schema<Flat<ObjectOf<P>>> {
    const entries = Object.entries(properties);
    return new Schema((value) => {
      if (!isMapping(value)) return { path: "", expected: "a mapping" };
      for (const [name, schema] of entries) {
        if (!Object.hasOwn(value, name)) {
          if (schema instanceof OptionalSchema) continue;
          return { path: `/${name}`, expected: "to be there" };
        }
        const found = schema.mismatch(value[name]);
        if (found !== undefined) return below(name, found);
      }
      return undefined;
    });
  },

  Record: <T>(key: Schema<string>, item: Schema<T>, { maxProperties = Infinity } = {}): Schema<Record<string, T>> =>
    new Schema((value) => {
      if (!isMapping(value)) return { path: "", expected: "a mapping" };
      const entries = Object.entries(value);
      if (entries.length > maxProperties) return { path: "", expected: `at most ${maxProperties} entries` };
      for (const [name, entry] of entries) {
        const found = key.mismatch(name) ?? item.mismatch(entry);
        if (found !== undefined) return below(name, found);
      }
      return undefined;
    }),

  Union: <const S extends readonly Schema<unknown>[]>(schemas: S): Schema<Static<S[number]>> =>
    new Schema((value) => {
      const found: string[] = [];
      for (const schema of schemas) {
        const mismatch = schema.mismatch(value);
        if (mismatch === undefined) return undefined;
        found.push(mismatch.path === "" ? mismatch.expected : "another form");
      }
      return { path: "", expected: [...new Set(found)].join(" or ") };
    }),
};

interface StringOptions {
  minLength?: number;
  maxLength?: number;
  pattern?: string;
}

interface ArrayOptions {
  minItems?: number;
  maxItems?: number;
}

function simple<T>(fits: (value: unknown) => boolean, expected: string): Schema<T> {
  const mismatch = { path: "", expected };
  return new Schema((value) => (fits(value) ? undefined : mismatch));
}

function below(name: string | number, { path, expected }: Mismatch): Mismatch {
  return { path: `/${name}${path}`, expected };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
