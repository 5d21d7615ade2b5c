import { Type } from "typebox";
import { ATOMIC, configKey, exactlyOneOf, keyedBy, objectName, quantity, rules } from "./builders.ts";
import { DNS_LABEL, GUEST_PATH, RELATIVE_PATH } from "./patterns.ts";

const OPTIONAL = "Whether the app starts when it does not exist; the folder is then empty.";

/** Returns the type of the choice of keys that become files. */
function keyItems(kind: "ConfigMap" | "Secret") {
  return Type.Array(
    Type.Object(
      {
        key: configKey(`Key in the ${kind}.`),
        path: Type.String({
          description: "File that holds its value, relative to `mountPath`.",
          title: "a relative path without `.`, `..`, empty parts or colons",
          minLength: 1,
          maxLength: 512,
          pattern: RELATIVE_PATH,
        }),
      },
      { description: "One key and its file." },
    ),
    {
      description: "Which keys become files, and where. Left out, every key becomes a file of its name.",
      minItems: 1,
      maxItems: 64,
      ...ATOMIC,
    },
  );
}

const ConfigMapFiles = Type.Object(
  {
    name: objectName("Name of the ConfigMap, in the app's namespace."),
    items: Type.Optional(keyItems("ConfigMap")),
    optional: Type.Boolean({ description: OPTIONAL, default: false }),
  },
  { description: "Files from a ConfigMap, read-only." },
);

const SecretFiles = Type.Object(
  {
    secretName: objectName("Name of the Secret, in the app's namespace."),
    items: Type.Optional(keyItems("Secret")),
    optional: Type.Boolean({ description: OPTIONAL, default: false }),
  },
  { description: "Files from a Secret, read-only." },
);

const EmptyDirFiles = Type.Object(
  { sizeLimit: Type.Optional(quantity({ description: "How much the app may keep in it." })) },
  { description: "A folder that starts empty and lives as long as the app is on the node." },
);

/** The folders that the program sees. */
export const Files = Type.Array(
  Type.Object(
    {
      name: Type.String({
        description: "Name of the folder in this manifest.",
        title: "a name of lower-case letters, digits and -",
        minLength: 1,
        maxLength: 63,
        pattern: DNS_LABEL,
      }),
      mountPath: Type.String({
        description: "Where the program finds it.",
        title: "an absolute path without `.`, `..`, empty parts or colons",
        minLength: 1,
        maxLength: 512,
        pattern: GUEST_PATH,
      }),
      readOnly: Type.Optional(
        Type.Boolean({
          description:
            "Whether writing is refused. Folders from a ConfigMap or Secret are always read-only; an `emptyDir` is writable unless this says otherwise.",
        }),
      ),
      configMap: Type.Optional(ConfigMapFiles),
      secret: Type.Optional(SecretFiles),
      emptyDir: Type.Optional(EmptyDirFiles),
    },
    {
      description: "One folder.",
      ...rules(exactlyOneOf("configMap", "secret", "emptyDir"), {
        rule: "!has(self.readOnly) || self.readOnly || has(self.emptyDir)",
        message: "files from a ConfigMap or Secret are always read-only: leave readOnly out or set it to true",
        fieldPath: ".readOnly",
      }),
    },
  ),
  {
    description: "Folders that the program sees. It sees no others.",
    default: [],
    maxItems: 32,
    ...keyedBy("name"),
    ...rules({
      rule: "self.all(x, self.exists_one(y, y.mountPath == x.mountPath))",
      message: "each mountPath may be used once",
    }),
  },
);
