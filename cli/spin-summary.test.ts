import { expect, test } from "vitest";
import type { SpinApplication } from "../oci/layouts/contents.ts";
import { describeSpin, summariseSpin } from "./spin-summary.ts";

const APP: SpinApplication = {
  name: "shop",
  variables: [
    { name: "greeting", default: "hi", isSecret: false, description: "how to say hello" },
    { name: "token", isSecret: true },
    { name: "key", default: "hunter2", isSecret: true },
  ],
  triggers: [
    { component: "web", route: "/..." },
    { component: "api", route: "/api/:id" },
    { component: "inner", route: undefined },
  ],
};
const WEB = {
  component: {
    name: "web",
    variables: [["password", "{{ token }}"]] satisfies [string, string][],
    allowedOutboundHosts: ["https://a.example"],
  },
};

test("inspect: a Spin application's routes, in the order in which they count, and its variables", () => {
  expect(describeSpin(summariseSpin(APP, [WEB]))).toBe(
    `${[
      "spin app:    shop",
      "route:       /api/:id to api",
      "route:       /... to web",
      "route:       none: inner is private, and not run",
      'variable:    greeting: "hi" unless it is given as SPIN_VARIABLE_GREETING; how to say hello',
      "variable:    token (secret): has to be given as SPIN_VARIABLE_TOKEN",
      'variable:    key (secret): "REDACTED" unless it is given as SPIN_VARIABLE_KEY',
      'web:         variable password = "{{ token }}"',
      "web:         may reach https://a.example where the app may",
    ].join("\n")}\n`,
  );
});

test("inspect: a secret's default is shown in no form", () => {
  expect(JSON.stringify(summariseSpin(APP, [WEB]))).not.toContain("hunter2");
});
