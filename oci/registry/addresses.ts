/** True for a host of this machine: localhost, 127.0.0.0/8, ::1 and their other spellings, as `URL.hostname` writes them. */
export function isLoopback(hostname: string): boolean {
  return /^(?:(?:[^.]+\.)*localhost\.?|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\])$/.test(
    hostname,
  );
}

/** Returns a URL as errors show it: what is behind the question mark may be a signature that opens the door. */
export function placeOf({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}
