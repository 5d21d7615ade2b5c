import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { awaitAnswer } from "./first-answer.ts";

async function urlOf(onData: (answer: (text: string) => void) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => onData((text) => socket.write(text)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("first answer: asks again until it is a 200", async () => {
  let count = 0;
  const url = await urlOf((answer) =>
    answer(`HTTP/1.1 ${count++ < 2 ? "503 Busy" : "200 OK"}\r\ncontent-length: 0\r\n\r\n`),
  );
  const { connectedMs, answeredMs } = await awaitAnswer(url);
  expect(count).toBe(3);
  expect(answeredMs).toBeGreaterThan(connectedMs);
});

test("first answer: a start that failed is not waited for", async () => {
  const failure = new Error("it ended");
  await expect(awaitAnswer("http://127.0.0.1:1/", undefined, () => failure)).rejects.toBe(failure);
});

test.each([
  ["nothing listens", async () => "http://127.0.0.1:1/"],
  ["nothing is answered", () => urlOf(() => {})],
])("first answer: while %s an aborted signal ends it at once", async (_, prepare) => {
  const url = await prepare();
  const controller = new AbortController();
  const answer = awaitAnswer(url, controller.signal);
  setTimeout(() => controller.abort(), 20);
  await expect(answer).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
});

test("first answer: one that is too long is not asked for again", async () => {
  let count = 0;
  const url = await urlOf((answer) => {
    count++;
    answer(`HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n${"x".repeat(2_000_000)}`);
  });
  await expect(awaitAnswer(url)).rejects.toThrow("longer than 1048576 bytes: ask for a shorter one");
  expect(count).toBe(1);
});
