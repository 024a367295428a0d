import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { CriClient } from '#lib/cri/client';
import { FairleadError } from '#lib/errors';
import { temporaryDirectory } from '../files/temporary-directory.ts';
import { busyboxImage, findStaticBusybox } from './busybox-image.ts';
import { patience } from './patience.ts';

/** Attempts to find an image after its import, and the pause between them in milliseconds. */
const seen = { attempts: 100, pause: 50 };

/**
 * Imports busybox images into containerd and removes them at the end. The CRI has no call for an
 * import, so this class runs `ctr`, the client of containerd.
 */
export class ImageImporter {
  readonly #socket: string;
  readonly #cri: CriClient;
  readonly #imported: string[] = [];

  constructor(socket: string, cri: CriClient) {
    this.#socket = socket;
    this.#cri = cri;
  }

  /**
   * Builds an image from the busybox of this machine, imports it under a name, and returns the
   * name. Throws InvalidInput if this machine has no static busybox or no working `ctr`.
   */
  async importBusybox(reference: string, command: readonly string[]): Promise<string> {
    const busybox = findStaticBusybox();
    if (busybox === undefined) throw cannotImport('there is no statically linked busybox');
    const directory = await temporaryDirectory('fairlead-image-');
    try {
      const file = join(directory, 'busybox.tar');
      await writeFile(file, await busyboxImage(busybox, { reference, command }));
      const args = ['--address', this.#socket, '--namespace', 'k8s.io', 'images', 'import', file];
      await promisify(execFile)('ctr', args);
    } catch (cause) {
      throw cannotImport('ctr, the client of containerd, failed to import it', cause);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    this.#imported.push(reference);
    await waitForImage(reference, this.#cri);
    return reference;
  }

  /** Removes the imported images. */
  async removeAll(): Promise<void> {
    for (const image of this.#imported.splice(0)) await this.#cri.removeImage({ image: { image } }, patience());
  }
}

/** Waits until the CRI plugin of containerd has received the event of an import. */
async function waitForImage(reference: string, cri: CriClient): Promise<void> {
  for (let attempt = 0; attempt < seen.attempts; attempt++) {
    const { image } = await cri.imageStatus({ image: { image: reference } }, patience());
    if (image !== undefined) return;
    await sleep(seen.pause);
  }
  throw cannotImport(`the runtime does not report ${reference} after its import`);
}

function cannotImport(reason: string, cause?: unknown): FairleadError {
  return new FairleadError('InvalidInput', `cannot build an image for the container: ${reason}`, {
    cause,
    hint: 'Specify an image of the runtime that contains sh and chmod, such as --image docker.io/library/busybox:1.36, or install busybox-static.',
  });
}
