import { expect, test } from "vitest";
import { SPIN_INTERFACES } from "../wasi/offered.ts";
import { checkOffered } from "./interfaces.ts";

test("interfaces: those of Spin are known in their very versions", () => {
  expect(() => checkOffered(SPIN_INTERFACES)).not.toThrow();
  for (const name of ["fermyon:spin/variables@2.1.0", "fermyon:spin/key-value@2.0.0", "wasi:config/store@0.2.0"]) {
    expect(() => checkOffered([name])).toThrow(
      expect.objectContaining({ code: "ARTIFACT_IMPORT_NOT_OFFERED" }) as Error,
    );
  }
});
