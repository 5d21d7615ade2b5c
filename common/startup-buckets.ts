/** Bounds of histograms of start times in seconds: log-spaced from 1 µs to 60 s, the same for every technology that is compared. */
export const STARTUP_BUCKETS_SECONDS = [
  1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
  2.5, 5, 10, 25, 60,
];
