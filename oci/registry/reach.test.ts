import { expect, test } from "vitest";
import { checkReach } from "./reach.ts";

const named = (host: string): boolean => host === "registry.test:5000";

test.each([
  ["https://registry.test", "https://storage.test/blob"],
  ["https://registry.test", "http://registry.test:5000/blob"],
  ["http://127.0.0.1:5000", "http://localhost:6000/blob"],
  ["http://[::1]:5000", "https://storage.test/blob"],
])("reach: from %s to %s is allowed", (from, to) => {
  expect(() => checkReach(new URL(to), new URL(from), named)).not.toThrow();
});

test.each([
  ["https://registry.test", "http://storage.test/blob", "OCI_INSECURE"],
  ["https://registry.test", "http://registry.test:5001/blob", "OCI_INSECURE"],
  ["https://registry.test", "https://localhost/", "OCI_INSECURE"],
  ["https://registry.test", "http://127.1/", "OCI_INSECURE"],
  ["https://registry.test", "https://0/", "OCI_INSECURE"],
  ["https://registry.test", "https://metrics.localhost./", "OCI_INSECURE"],
  ["https://registry.test", "https://[::ffff:127.0.0.1]/", "OCI_INSECURE"],
  ["https://registry.test", "http://[::1]:9464/", "OCI_INSECURE"],
  ["http://registry.test:5000", "http://127.0.0.1:9464/metrics", "OCI_INSECURE"],
  ["https://registry.test", "ftp://storage.test/", "OCI_REDIRECT"],
  ["https://registry.test", "https://a:b@storage.test/", "OCI_REDIRECT"],
])("reach: from %s to %s is %s", (from, to, code) => {
  expect(() => checkReach(new URL(to), new URL(from), named)).toThrow(expect.objectContaining({ code }));
});
