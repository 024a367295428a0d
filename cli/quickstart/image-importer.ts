import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { CriClient } from '#lib/cri/client';
import { FairleadError } from '#lib/errors';
import { busyboxImage, findStaticBusybox } from './busybox-image.ts';
import { patience } from './patience.ts';

/** Puts images that are made here into a containerd, for the time of the quickstart. */
export interface ImageImporter {
  /** Makes an image of this machine's busybox, and imports it under the name; gives the name. */
  importBusybox(reference: string, command: readonly string[]): Promise<string>;
  /** Removes what was imported. */
  removeAll(): Promise<void>;
}

const seen = { attempts: 100, pause: 50 };

/** CRI has no call to import an image: containerd's own client `ctr` does it. */
export function imageImporter(socket: string, cri: CriClient): ImageImporter {
  const imported: string[] = [];
  const ctr = (...args: string[]): Promise<unknown> =>
    promisify(execFile)('ctr', ['--address', socket, '--namespace', 'k8s.io', ...args]);
  return {
    async importBusybox(reference, command) {
      const busybox = findStaticBusybox();
      if (busybox === undefined) throw cannotImport('there is no statically linked busybox');
      const folder = await mkdtemp(join(tmpdir(), 'fairlead-image-'));
      try {
        const file = join(folder, 'busybox.tar');
        await writeFile(file, busyboxImage(busybox, { reference, command }));
        await ctr('images', 'import', file);
      } catch (cause) {
        throw cannotImport('ctr, the client of containerd, did not import it', cause);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      imported.push(reference);
      await waitForImage(reference, cri);
      return reference;
    },
    async removeAll() {
      for (const image of imported.splice(0)) await cri.removeImage({ image: { image } }, patience());
    },
  };
}

/** The CRI side of containerd hears of an import by an event, a moment later. */
async function waitForImage(reference: string, cri: CriClient): Promise<void> {
  for (let attempt = 0; attempt < seen.attempts; attempt++) {
    const { image } = await cri.imageStatus({ image: { image: reference } }, patience());
    if (image !== undefined) return;
    await sleep(seen.pause);
  }
  throw cannotImport(`the runtime does not list ${reference} after its import`);
}

function cannotImport(reason: string, cause?: unknown): FairleadError {
  return new FairleadError('InvalidInput', `cannot make an image for the container: ${reason}`, {
    cause,
    hint: 'Name one that the runtime has, with sh and chmod in it: --image docker.io/library/busybox:1.36 (or apt-get install busybox-static).',
  });
}
