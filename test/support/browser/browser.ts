import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's browser. */
const executablePath = '/usr/bin/chromium';

/** Why tests in a browser are skipped on this machine; `false` if they are not. */
export const noBrowser: string | false =
  existsSync(executablePath) || process.env['FAIRLEAD_PEERS'] === 'required'
    ? false
    : `${executablePath} does not exist`;

/**
 * Starts a browser with a directory of its own; `close()` ends it and removes the directory. It
 * asks no host by itself.
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
  return chromium.launch({ executablePath, args, chromiumSandbox: false });
}
