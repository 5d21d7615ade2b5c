import { expect, test } from "vitest";
import type { SecretObject } from "../kube/resources.ts";
import { pullSecretOf } from "./pull-secret.ts";

function secretOf(data: Record<string, string>): SecretObject {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)]));
  return { apiVersion: "v1", kind: "Secret", metadata: { namespace: "shop", name: "pull" }, data: encoded };
}

const CONFIG = { auths: { "registry.example.com": { auth: btoa("user:hunter2") } } };

test("pull secret: its docker configuration is read", () => {
  const secret = secretOf({ ".dockerconfigjson": JSON.stringify(CONFIG) });
  expect(pullSecretOf(secret, "shop", "pull")).toEqual(CONFIG);
});

test.each([
  ["none", undefined, "APP_REFERENCE_MISSING", "the Secret pull is not there", /^Create it/],
  [
    "one without the key",
    secretOf({ password: "hunter2" }),
    "APP_REFERENCE_MISSING",
    "the Secret pull has no key .dockerconfigjson",
    /^Make it anew/,
  ],
  [
    "one that is no JSON",
    secretOf({ ".dockerconfigjson": "hunter2" }),
    "OCI_CONFIG_INVALID",
    ".dockerconfigjson in the Secret pull is no docker configuration: expected an object in JSON",
    /^Make it anew/,
  ],
  [
    "one with another value",
    secretOf({ ".dockerconfigjson": '{"auths":"hunter2"}' }),
    "OCI_CONFIG_INVALID",
    ".dockerconfigjson in the Secret pull is no docker configuration: expected Object at auths",
    /^Make it anew/,
  ],
])("pull secret: of %s, the message names the Secret and nothing in it", (_what, secret, code, message, fix) => {
  const read = (): unknown => pullSecretOf(secret, "shop", "pull");
  const text: unknown = expect.stringMatching(fix);
  expect(read).toThrow(expect.objectContaining({ code, message, fix: text }));
});
