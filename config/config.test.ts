import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

const HOME = "/home/ada";

test.each([
  ["WASMLET_CACHE before all", { WASMLET_CACHE: "/var/cache/w", XDG_CACHE_HOME: "/xdg" }, "/var/cache/w"],
  ["XDG_CACHE_HOME next", { XDG_CACHE_HOME: "/xdg" }, "/xdg/wasmlet"],
  ["a relative XDG_CACHE_HOME is ignored", { XDG_CACHE_HOME: "xdg" }, "/home/ada/.cache/wasmlet"],
  ["an empty variable counts as unset", { WASMLET_CACHE: "" }, "/home/ada/.cache/wasmlet"],
])("config: the cache directory comes from %s", (_, environment, expected) => {
  expect(readConfig(environment, HOME).cacheDirectory).toBe(expected);
});

test("config: WASMLET_CACHE_SIZE is a quantity, 4Gi unless set", () => {
  expect(readConfig({}, HOME).cacheMaxBytes).toBe(4 * 2 ** 30);
  expect(readConfig({ WASMLET_CACHE_SIZE: "500Mi" }, HOME).cacheMaxBytes).toBe(500 * 2 ** 20);
  expect(() => readConfig({ WASMLET_CACHE_SIZE: "much" }, HOME)).toThrow(
    'WASMLET_CACHE_SIZE: expected a quantity such as 4Gi, got "much"',
  );
});

test("config: every problem is reported at once", () => {
  expect(() => readConfig({ WASMLET_CACHE: "cache", WASMLET_DEBUG: "yes" }, HOME)).toThrow(
    expect.objectContaining({
      code: "CONFIG_INVALID",
      message: 'WASMLET_CACHE: expected an absolute path, got "cache"; WASMLET_DEBUG: expected 0 or 1, got "yes"',
    }),
  );
});

test("config: NO_COLOR, CI and WASMLET_DEBUG are switches", () => {
  const off = { allowsColor: true, isCi: false, showsStacks: false };
  expect(readConfig({}, HOME)).toMatchObject(off);
  expect(readConfig({ NO_COLOR: "", CI: "false", WASMLET_DEBUG: "0" }, HOME)).toMatchObject(off);
  const on = { allowsColor: false, isCi: true, showsStacks: true };
  expect(readConfig({ NO_COLOR: "1", CI: "true", WASMLET_DEBUG: "1" }, HOME)).toMatchObject(on);
});

test.each([
  [{}, "wasmlet"],
  [{ npm_package_name: "wasmlet", npm_lifecycle_event: "wasmlet" }, "npm run wasmlet --"],
  [{ npm_package_name: "wasmlet", npm_lifecycle_event: "demo" }, "npm run wasmlet --"],
  [{ npm_package_name: "another", npm_lifecycle_event: "demo" }, "wasmlet"],
])("config: %j is called as %s", (environment, expected) => {
  expect(readConfig(environment, HOME).invocation).toBe(expected);
});

test("config: is frozen", () => {
  expect(Object.isFrozen(readConfig({}, HOME))).toBe(true);
});

test("config: wasmtime is the one on PATH unless WASMTIME names another", () => {
  expect(readConfig({}, "/home/user").wasmtime).toBe("wasmtime");
  expect(readConfig({ WASMTIME: "/opt/wasmtime" }, "/home/user").wasmtime).toBe("/opt/wasmtime");
});

test("config: proxies come from the usual variables, in lower case first; empty ones count as unset", () => {
  expect(readConfig({}, HOME).proxy).toEqual({});
  const upper = { HTTP_PROXY: "http://a", HTTPS_PROXY: "http://b", NO_PROXY: ".test" };
  expect(readConfig(upper, HOME).proxy).toEqual({ http: "http://a", https: "http://b", noProxy: ".test" });
  expect(readConfig({ ...upper, http_proxy: "http://c", https_proxy: "" }, HOME).proxy).toEqual({
    http: "http://c",
    noProxy: ".test",
  });
});

test("config: docker's configuration is in DOCKER_CONFIG, else at home", () => {
  expect(readConfig({}, HOME).dockerConfigFile).toBe("/home/ada/.docker/config.json");
  expect(readConfig({ DOCKER_CONFIG: "/etc/docker" }, HOME).dockerConfigFile).toBe("/etc/docker/config.json");
});
