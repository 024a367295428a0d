import { type Browser, chromium } from 'playwright-core';
import { peer } from '#test/peers/peer';

/**
 * Starts Debian's Chromium with a directory of its own; `close()` ends it and removes the
 * directory. It asks no host by itself.
 */
export function startBrowser(): Promise<Browser> {
  const args = [
    '--disable-gpu',
    '--disable-quic',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ];
  return chromium.launch({ executablePath: peer('chromium'), args, chromiumSandbox: false });
}
