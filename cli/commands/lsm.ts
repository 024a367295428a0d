import type { Command } from 'commander';
import { nodeDefaults } from '#cri-shim/node-defaults';
import { examples } from '../options/options.ts';
import { stayLean } from '../process/lean-process.ts';
import { openLog } from '../process/log.ts';
import { stopSignal } from '../process/stop-signal.ts';

interface LsmOptions {
  readonly listen: string;
}

/** Milliseconds without a call after which it ends, if systemd starts it again for the next. */
const longestIdle = 60_000;

/** `fairlead lsm`. */
export function define(command: Command): void {
  command
    .description(
      'Run the service that loads AppArmor profiles into the kernel for the shim, which has no privilege. It needs root with ' +
        'CAP_MAC_ADMIN. It accepts only profiles as Fairlead renders them, under the names that their contents determine. Logs ' +
        'go to stdout, one JSON object per line. If systemd passes a socket, it ends after a minute without a call.',
    )
    .option('--listen <socket>', 'socket for the shim, which only root may open', nodeDefaults.lsm)
    .addHelpText(
      'after',
      examples([
        ['run it by socket activation', 'systemctl enable --now fairlead-lsm.socket'],
        ['run it without systemd', 'fairlead lsm --listen unix:///run/fairlead/lsm.sock'],
      ]),
    )
    .action(lsm);
}

async function lsm({ listen }: LsmOptions): Promise<void> {
  stayLean();
  const stopped = stopSignal();
  const [
    { KernelLoader },
    { createLsmService, warnWithoutAppArmor },
    { listenOnSocket, parseSocketAddress },
    http,
    log,
  ] = await Promise.all([
    import('#lib/node/install/apparmor/kernel-loader'),
    import('#lib/node/install/apparmor/lsm-service'),
    import('#cri-shim/proxy/socket'),
    import('#lib/http/inherited-socket'),
    openLog('fairlead-lsm'),
  ]);
  const path = parseSocketAddress(listen);
  const loader = new KernelLoader();
  await warnWithoutAppArmor({ loader, logger: log });
  const service = await createLsmService({ loader, logger: log });
  const { server } = service;
  const inherited = http.inheritedSocket(process.env, process.pid);
  if (inherited === undefined) {
    const removeSocket = await listenOnSocket(server, path);
    log.info({ listen: path }, 'listening');
    await stopped;
    await removeSocket();
  } else {
    await http.requirePrivateSocket(path);
    await http.listenOnDescriptor(server, inherited);
    log.info({ listen: path }, 'listening on the socket of the service manager');
    await Promise.race([stopped, http.whenIdle(server, longestIdle)]);
  }
  log.info('stopping');
  // First: connections that are not accepted are for the next process.
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await service.close();
}
