/** A preparer for tests that computes for ever. */
process.once("message", () => {
  for (;;);
});
