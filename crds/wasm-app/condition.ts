import { Type } from "typebox";
import { keyedBy, oneOf } from "./builders.ts";

/** Returns the type of the conditions of an object; `types` says in Markdown which there are. */
export function conditions(subject: string, types: string): Type.TOptional<Type.TArray<typeof Condition>> {
  return Type.Optional(
    Type.Array(Condition, { description: `Conditions of ${subject}: ${types}.`, maxItems: 16, ...keyedBy("type") }),
  );
}

const Condition = Type.Object(
  {
    type: Type.String({ description: "Type of the condition.", minLength: 1, maxLength: 316 }),
    status: oneOf(["True", "False", "Unknown"], { description: "Whether it holds." }),
    observedGeneration: Type.Optional(
      Type.Integer({ description: "Generation of the spec that it speaks of.", minimum: 0 }),
    ),
    lastTransitionTime: Type.String({ description: "When its status last changed, in RFC 3339.", maxLength: 64 }),
    reason: Type.String({ description: "Why, in one CamelCase word.", minLength: 1, maxLength: 1024 }),
    message: Type.String({ description: "Why, in a sentence.", maxLength: 32_768 }),
  },
  { description: "One condition." },
);
