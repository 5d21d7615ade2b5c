import { expect, test } from "vitest";
import { PLATFORMS } from "./platform.ts";
import { planQemu } from "./qemu.ts";

test("QEMU's layer: for a platform without microvm, is an error that says what to do", async () => {
  await expect(planQemu(PLATFORMS["linux/arm64"]!, "/nowhere")).rejects.toThrow(
    "expected linux/amd64 with --with-qemu, the only one that QEMU has its microvm for, got linux/arm64: leave it out",
  );
});
