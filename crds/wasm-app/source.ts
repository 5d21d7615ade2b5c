import { Type } from "typebox";
import { configKey, exactlyOneOf, keyedBy, objectName, oneOf, rules } from "./builders.ts";
import { HTTP_URL, IMAGE_REFERENCE, SHA256 } from "./patterns.ts";

const OciSource = Type.Object(
  {
    image: Type.String({
      description: "Reference of the artifact: `registry/repository:tag`, or `…@sha256:…` to pin it.",
      title: "an image reference such as registry.example.com/team/hello:1.0, without a scheme",
      minLength: 1,
      maxLength: 512,
      pattern: IMAGE_REFERENCE,
    }),
    imagePullSecrets: Type.Optional(
      Type.Array(
        Type.Object(
          { name: objectName("Name of the Secret.") },
          { description: "A Secret with registry credentials." },
        ),
        {
          description: "Secrets of type `kubernetes.io/dockerconfigjson` in the app's namespace to pull with.",
          maxItems: 8,
          ...keyedBy("name"),
        },
      ),
    ),
    imagePullPolicy: Type.Optional(
      oneOf(["Always", "IfNotPresent", "Never"], {
        description:
          "When to ask the registry. Left out, it is `Always` for the tag `latest` or no tag, and `IfNotPresent` otherwise. While the registry is away, `Always` uses what the tag led to before.",
      }),
    ),
  },
  { description: "An artifact in an OCI registry." },
);

const HttpSource = Type.Object(
  {
    url: Type.String({
      description: "Address of the `.wasm` file.",
      title: "an absolute http:// or https:// URL without credentials",
      maxLength: 2048,
      pattern: HTTP_URL,
    }),
    sha256: Type.String({
      description: "SHA-256 of the file, in hexadecimal. Any other content is refused.",
      title: "64 lower-case hexadecimal digits",
      maxLength: 64,
      pattern: SHA256,
    }),
  },
  { description: "A file on an HTTP server, pinned by its digest." },
);

const ConfigMapSource = Type.Object(
  {
    name: objectName("Name of the ConfigMap, in the app's namespace."),
    key: configKey("Key under `binaryData` that holds the `.wasm` file."),
  },
  { description: "A small program in a ConfigMap." },
);

/** Where the program comes from. */
export const Source = Type.Object(
  {
    oci: Type.Optional(OciSource),
    http: Type.Optional(HttpSource),
    configMap: Type.Optional(ConfigMapSource),
  },
  {
    description: "Where the program comes from: exactly one of these.",
    ...rules(exactlyOneOf("oci", "http", "configMap")),
  },
);
