/** Bounded shapes for values that come from another process or from disk, over valibot. */
import * as v from "valibot";

/** A text of at most so many UTF-16 code units. */
export function text(maxLength: number, minLength = 0): v.GenericSchema<string> {
  return v.pipe(v.string(), v.minLength(minLength), v.maxLength(maxLength));
}

/** A whole number within bounds. */
export function integer(minimum = -Infinity, maximum = Infinity): v.GenericSchema<number> {
  return v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));
}

/** A finite number, at least `minimum`. */
export function finite(minimum = -Infinity): v.GenericSchema<number> {
  return v.pipe(v.number(), v.finite(), v.minValue(minimum));
}

/** A list of at most so many items. */
export function listOf<T>(item: v.GenericSchema<T>, maxItems: number, minItems = 0): v.GenericSchema<T[]> {
  return v.pipe(v.array(item), v.minLength(minItems), v.maxLength(maxItems));
}
