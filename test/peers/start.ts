/**
 * Starts test peers to try things with: `npm run peers:start -- registry containerd apiserver`.
 * Prints how to reach each of them, and stops them on Ctrl-C.
 */
import { startApiserver } from './apiserver.ts';
import { startContainerd } from './containerd.ts';
import { peer } from './peer.ts';
import { startRegistry } from './registry.ts';

interface Started {
  /** What to print: names and values. */
  readonly reached: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

const starters: Readonly<Record<string, () => Promise<Started>>> = {
  async registry() {
    const { host, stop } = await startRegistry();
    return { reached: { registry: host }, stop };
  },
  async containerd() {
    const { socket, stop } = await startContainerd();
    return { reached: { containerd: `unix://${socket}`, ctr: `${peer('ctr')} --address ${socket}` }, stop };
  },
  async apiserver() {
    const { kubeconfig, stop } = await startApiserver();
    return { reached: { apiserver: `KUBECONFIG=${kubeconfig}`, kubectl: peer('kubectl') }, stop };
  },
};

const names = process.argv.slice(2);
if (names.length === 0 || names.some((name) => !Object.hasOwn(starters, name))) {
  console.error(`usage: npm run peers:start -- [ ${Object.keys(starters).join(' | ')} ] …`);
  process.exit(2);
}
const interrupted = Promise.withResolvers<void>();
// The peers are not referenced, and do not keep this process.
const alive = setInterval(() => undefined, 60_000);
// In place of the handlers of program.ts, which end the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.removeAllListeners(signal).once(signal, () => interrupted.resolve());
}
const started: Started[] = [];
for (const name of new Set(names)) {
  const one = await starters[name]?.();
  if (one === undefined) continue;
  started.push(one);
  for (const [what, value] of Object.entries(one.reached)) console.log(`${what.padEnd(12)}${value}`);
}
await interrupted.promise;
await Promise.all(started.map(({ stop }) => stop()));
clearInterval(alive);
