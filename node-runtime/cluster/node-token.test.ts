import { expect, test } from "vitest";
import { createFakeTiming } from "../../common/fake-timing.ts";
import { Secret } from "../../common/secret.ts";
import { errorOf } from "../../kube/simulated-api.ts";
import { NodeToken } from "./node-token.ts";

const HOUR_MS = 3_600_000;

function tokenOf(): {
  token: NodeToken;
  asked: string[];
  messages: string[];
  timing: ReturnType<typeof createFakeTiming>;
  fail: (error: Error | undefined) => void;
} {
  const timing = createFakeTiming();
  const [asked, messages]: [string[], string[]] = [[], []];
  let failure: Error | undefined;
  const token = new NodeToken({
    client: {
      createToken: async ({ namespace, name }) => {
        asked.push(`${namespace}/${name}`);
        if (failure !== undefined) throw failure;
        const expires = new Date(timing.date().getTime() + HOUR_MS);
        return { token: new Secret(`node-${asked.length}`), expirationTimestamp: expires.toISOString() };
      },
    },
    nodeName: "node1",
    namespace: "wasmlet",
    podToken: async () => new Secret("pod"),
    timing,
    onChange: (message) => messages.push(message),
  });
  return { token, asked, messages, timing, fail: (error) => (failure = error) };
}

test("node token: is that of the node's own account, asked for once until most of its life is over", async () => {
  const { token, asked, timing } = tokenOf();
  const both = await Promise.all([token.get(), token.get()]);
  expect(both.map((secret) => secret?.reveal())).toEqual(["node-1", "node-1"]);
  expect(asked).toEqual(["wasmlet/wasmlet-node-node1"]);
  await timing.advance(HOUR_MS * 0.8 - 1);
  expect((await token.get())?.reveal()).toBe("node-1");
  await timing.advance(1);
  expect((await token.get())?.reveal()).toBe("node-2");
});

test.each(["KUBE_NOT_FOUND", "KUBE_FORBIDDEN"] as const)(
  "node token: %s, so the pod's own stands in, which is said once",
  async (code) => {
    const { token, asked, messages, timing, fail } = tokenOf();
    fail(errorOf(code));
    expect((await token.get())?.reveal()).toBe("pod");
    expect((await token.get())?.reveal()).toBe("pod");
    expect(asked).toHaveLength(1);
    await timing.advance(10_000);
    await token.get();
    expect(messages).toHaveLength(1);
    fail(undefined);
    await timing.advance(10_000);
    expect((await token.get())?.reveal()).toBe("node-3");
    expect(messages).toHaveLength(2);
  },
);

test("node token: while the API server is away there is none, and one that was had goes on", async () => {
  const { token, fail } = tokenOf();
  fail(errorOf("KUBE_UNREACHABLE"));
  await expect(token.get()).rejects.toMatchObject({ code: "KUBE_UNREACHABLE" });
  fail(undefined);
  await token.get();
  fail(errorOf("KUBE_UNREACHABLE"));
  expect((await token.get())?.reveal()).toBe("node-2");
});
