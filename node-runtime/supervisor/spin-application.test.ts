import { expect, test } from "vitest";
import type { SpinApplication } from "../../oci/layouts/contents.ts";
import { filledComponent, isVariableSetting, routesOf, valuesOf } from "./spin-application.ts";

const VARIABLES: SpinApplication["variables"] = [
  { name: "greeting", default: "hi", isSecret: false },
  { name: "api_key", isSecret: true },
  { name: "region", isSecret: false },
];

test("variables: the environment wins over a default, also where it is empty", () => {
  const env: [string, string][] = [
    ["SPIN_VARIABLE_GREETING", ""],
    ["SPIN_VARIABLE_API_KEY", "k"],
    ["SPIN_VARIABLE_REGION", "eu"],
    ["SPIN_VARIABLE_OTHER", "ignored"],
    ["api_key", "no setting"],
  ];
  expect([...valuesOf(VARIABLES, env)]).toEqual([
    ["greeting", ""],
    ["api_key", "k"],
    ["region", "eu"],
  ]);
  expect(env.filter(([name]) => isVariableSetting(name))).toHaveLength(4);
});

test("variables: every one without a value is named, with how to set it", () => {
  expect(() => valuesOf(VARIABLES, [])).toThrow(
    expect.objectContaining({
      code: "APP_VARIABLE_MISSING",
      message: "the Spin application needs a value for api_key, region",
      details: expect.objectContaining({ expected: "SPIN_VARIABLE_API_KEY, SPIN_VARIABLE_REGION" }),
    }),
  );
});

test("variables: a component gets its own, and its hosts, with the values put in", () => {
  const component = {
    name: "web",
    variables: [["url", "https://{{ region }}.example?key={{api_key}}"]] satisfies [string, string][],
    allowedOutboundHosts: ["https://{{ region }}.example"],
  };
  expect(
    filledComponent(
      component,
      new Map([...valuesOf(VARIABLES.slice(0, 1), []), ["region", "eu"], ["api_key", "{{ greeting }}"]]),
    ),
  ).toEqual({
    name: "web",
    variables: [["url", "https://eu.example?key={{ greeting }}"]],
    allowedOutboundHosts: ["https://eu.example"],
  });
});

test("routes: private ones are none", () => {
  const triggers = [
    { component: "b", route: "/b" },
    { component: "inner", route: undefined },
    { component: "a", route: "/..." },
  ];
  expect(routesOf(triggers, ["a", "b"])).toEqual([
    { route: "/b", target: 1 },
    { route: "/...", target: 0 },
  ]);
});
