import { Type } from "typebox";
import { ATOMIC, configKey, exactlyOneOf, keyedBy, objectName, rules } from "./builders.ts";
import { ENV_FIELD_PATH, ENV_NAME } from "./patterns.ts";

const OPTIONAL = "Whether the app starts when it does not exist.";

/** Returns the type of a reference to one key of a ConfigMap or Secret. */
function keySelector(kind: "ConfigMap" | "Secret") {
  return Type.Object(
    {
      name: objectName(`Name of the ${kind}, in the app's namespace.`),
      key: configKey(`Key in the ${kind}.`),
      optional: Type.Boolean({ description: OPTIONAL, default: false }),
    },
    { description: `One key of a ${kind}.` },
  );
}

/** Returns the type of a reference to a whole ConfigMap or Secret. */
function objectSelector(kind: "ConfigMap" | "Secret") {
  return Type.Object(
    {
      name: objectName(`Name of the ${kind}, in the app's namespace.`),
      optional: Type.Boolean({ description: OPTIONAL, default: false }),
    },
    { description: `All keys of a ${kind}.` },
  );
}

const EnvVarSource = Type.Object(
  {
    configMapKeyRef: Type.Optional(keySelector("ConfigMap")),
    secretKeyRef: Type.Optional(keySelector("Secret")),
    fieldRef: Type.Optional(
      Type.Object(
        {
          fieldPath: Type.String({
            description:
              "`metadata.name`, `metadata.namespace`, `metadata.labels['key']`, `metadata.annotations['key']` or `spec.nodeName`.",
            title:
              "one of metadata.name, metadata.namespace, metadata.labels['…'], metadata.annotations['…'], spec.nodeName",
            maxLength: 400,
            pattern: ENV_FIELD_PATH,
          }),
        },
        { description: "A field of the app itself." },
      ),
    ),
  },
  {
    description: "Takes the value from elsewhere: exactly one of these.",
    ...rules(exactlyOneOf("configMapKeyRef", "secretKeyRef", "fieldRef")),
  },
);

/** Environment variables, one by one. */
export const Env = Type.Array(
  Type.Object(
    {
      name: Type.String({
        description: "Name of the variable.",
        title: "a name of letters, digits, -, _ and . that does not start with a digit",
        minLength: 1,
        maxLength: 256,
        pattern: ENV_NAME,
      }),
      value: Type.Optional(Type.String({ description: "Its value; empty when left out.", maxLength: 32_768 })),
      valueFrom: Type.Optional(EnvVarSource),
    },
    {
      description: "One environment variable.",
      ...rules({
        rule: "!(has(self.value) && has(self.valueFrom))",
        message: "value and valueFrom exclude each other",
      }),
    },
  ),
  { description: "Environment variables; they win over `envFrom`.", default: [], maxItems: 256, ...keyedBy("name") },
);

/** Environment variables, whole ConfigMaps and Secrets at a time. */
export const EnvFrom = Type.Array(
  Type.Object(
    {
      prefix: Type.Optional(
        Type.String({
          description: "Put before each key to make the name of the variable.",
          title: "letters, digits, -, _ and . that do not start with a digit",
          minLength: 1,
          maxLength: 128,
          pattern: ENV_NAME,
        }),
      ),
      configMapRef: Type.Optional(objectSelector("ConfigMap")),
      secretRef: Type.Optional(objectSelector("Secret")),
    },
    { description: "One ConfigMap or Secret.", ...rules(exactlyOneOf("configMapRef", "secretRef")) },
  ),
  {
    description: "ConfigMaps and Secrets whose keys become environment variables; later ones win.",
    default: [],
    maxItems: 32,
    ...ATOMIC,
  },
);
